import { inspect, inspectRaw, type InspectResult } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { outputFlags } from "../flags.ts";
import { formatBytes } from "../render/units.ts";
import type { Terminal } from "../terminal.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument(
        "<location>",
        "registry reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or a layout's directory",
      )
      .option("-p, --platform <platform>", "only this platform")
      .option("--raw", "the manifest or index itself, byte for byte"),
  async run([location], flags, io) {
    const output = outputFlags(flags);
    const settings = { signal: io.signal };
    const options = typeof flags["platform"] === "string" ? { platform: flags["platform"] } : {};
    if (flags["raw"] === true) {
      io.terminal.out(Buffer.from(await inspectRaw(String(location), options, settings)).toString("utf8"));
      return 0;
    }
    const result = await inspect(String(location), options, settings);
    if (output.format === "json") io.terminal.out(`${JSON.stringify(result)}\n`);
    else await show(io.terminal, result);
    return 0;
  },
};

async function show(terminal: Terminal, result: InspectResult): Promise<void> {
  const { formatTable } = await import("../render/table.ts");
  const bold = (text: string): string => terminal.paint("out", "bold", text);
  terminal.out(`${bold(result.location)}  ${result.digest}\n${result.mediaType}\n`);
  for (const [key, value] of Object.entries(result.annotations)) terminal.out(`  ${key}: ${value}\n`);
  for (const { platform, digest, size, config, layers } of result.platforms) {
    terminal.out(`\n${bold(platform)}  ${digest}  ${formatBytes(size)}\n`);
    terminal.out(
      formatTable(
        [
          ["  entrypoint", (config.Entrypoint ?? []).join(" ")],
          ["  cmd", (config.Cmd ?? []).join(" ")],
          ...(config.Env ?? []).map((line, at) => [at === 0 ? "  env" : "", line]),
          ["  workdir", config.WorkingDir ?? ""],
          ["  user", config.User ?? ""],
          ["  ports", Object.keys(config.ExposedPorts ?? {}).join(" ")],
        ].filter(([, value]) => value !== ""),
      ),
    );
    const rows = layers.map((layer) => [
      `  ${layer.digest.slice(0, 19)}`,
      formatBytes(layer.size),
      layer.platforms.length > 1 ? `shared by ${layer.platforms.length}` : "",
      layer.createdBy?.slice(0, 60) ?? "",
    ]);
    terminal.out(formatTable(rows, { right: [1] }));
  }
  if (result.others.length > 0) terminal.out(`\n${result.others.length} attestation or other manifests\n`);
  if (result.alsoThere.length > 0) {
    terminal.out(`\n${bold("also there")}\n`);
    terminal.out(
      formatTable(
        result.alsoThere.map(({ name, platform, digest }) => [
          `  ${result.location}${name === undefined ? `@${digest}` : `:${name}`}`,
          platform ?? "index",
        ]),
      ),
    );
  }
}
