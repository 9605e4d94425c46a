import { basename, dirname, isAbsolute } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform } from "../oci/platform.ts";
import { outputFields, provenanceOf } from "./export-options.ts";
import { csvField } from "./shell-words.ts";
import type { Command, Solve } from "./solve.ts";

/** How buildctl is called to reach one BuildKit. */
export interface BuildctlAccess {
  readonly program: string;
  /** "--addr", TLS files and the like, before the command. */
  readonly globalArgs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * `buildctl build` with the Dockerfile frontend for one platform; pure. Says with the frontend's own options what
 * buildx's flags say. Throws BUILDER_TOOL_MISSING for what only buildx can do.
 */
export function buildctlCommand(access: BuildctlAccess, solve: Solve): Command {
  const args = [...access.globalArgs, "build", "--frontend", "dockerfile.v0"];
  const opt = (key: string, value = ""): void => void args.push("--opt", `${key}=${value}`);
  opt("platform", formatPlatform(solve.platform));
  args.push(...sources(solve));
  if (solve.target !== undefined) opt("target", solve.target);
  for (const [key, value] of Object.entries(solve.buildArgs)) opt(`build-arg:${key}`, value);
  if (solve.sourceDateEpoch !== undefined) opt("build-arg:SOURCE_DATE_EPOCH", `${solve.sourceDateEpoch}`);
  for (const [key, value] of Object.entries(solve.labels)) opt(`label:${key}`, value);
  args.push(...namedContexts(solve.namedContexts));
  for (const secret of solve.secrets) args.push("--secret", secret);
  for (const ssh of solve.ssh) args.push("--ssh", ssh);
  for (const cache of solve.cacheFrom) args.push("--import-cache", cacheEntry(cache));
  for (const cache of solve.cacheTo) args.push("--export-cache", cacheEntry(cache));
  if (solve.noCache) opt("no-cache");
  if (solve.pull) opt("image-resolve-mode", "pull");
  if (solve.network !== undefined && solve.network !== "default") opt("force-network-mode", solve.network);
  if (solve.network === "host") args.push("--allow", "network.host");
  const provenance = provenanceOf(solve);
  if (provenance !== undefined) opt("attest:provenance", provenance);
  if (solve.sbom !== undefined && solve.sbom !== "false")
    opt("attest:sbom", solve.sbom === "true" ? "" : solve.sbom);
  const output = outputFields(solve);
  if (output !== undefined) {
    args.push("--output", [...output, ...annotations(solve)].map(csvField).join(","));
  }
  args.push("--metadata-file", solve.metadataFile, "--progress=rawjson");
  return { program: access.program, args, env: access.env };
}

function annotations(solve: Solve): readonly string[] {
  return Object.entries(solve.annotations).map(([key, value]) => {
    if (key !== key.toLowerCase())
      throw new AnyarchError(
        "BUILDER_TOOL_MISSING",
        `buildctl would write the annotation ${key} in lower case.`,
        { hint: "Write it in lower case, or install buildx, which keeps it." },
      );
    return `annotation.${key}=${value}`;
  });
}

/** Context and Dockerfile: an address is fetched by BuildKit itself, directories are sent. */
function sources({ context, dockerfile }: Solve): readonly string[] {
  const name = ["--opt", `filename=${isAbsolute(dockerfile) ? basename(dockerfile) : dockerfile}`];
  const local = ["--local", `dockerfile=${dirname(dockerfile)}`];
  if (isAbsolute(context)) return ["--local", `context=${context}`, ...local, ...name];
  const remote = ["--opt", `context=${context}`];
  if (!isAbsolute(dockerfile)) return [...remote, ...name];
  return [...remote, "--opt", "dockerfilekey=dockerfile", ...local, ...name];
}

function namedContexts(contexts: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(contexts).flatMap(([name, value]) => {
    if (value.startsWith("oci-layout://")) return layoutContext(name, value);
    if (/^(?:[a-z][a-z0-9+.-]*:\/\/|git@|target:)/i.test(value)) return ["--opt", `context:${name}=${value}`];
    // BuildKit knows the directory by a name that can't be one of its own.
    return ["--local", `context:${name}=${value}`, "--opt", `context:${name}=local:context:${name}`];
  });
}

function layoutContext(name: string, value: string): readonly string[] {
  const match = /^oci-layout:\/\/([^@]+)@(sha256:[0-9a-f]{64})$/.exec(value);
  if (match === null) {
    throw new AnyarchError(
      "BUILDER_TOOL_MISSING",
      `buildctl can't take the named context ${name} from ${value}: it needs the digest.`,
      { hint: `Write ${value.replace(/:[^/:]*$/, "")}@sha256:…, or install buildx, which looks it up.` },
    );
  }
  const [, path = "", digest = ""] = match;
  const store = `context:${name}`;
  return ["--oci-layout", `${store}=${path}`, "--opt", `context:${name}=oci-layout://${store}@${digest}`];
}

/** buildx's short form of a registry's cache, "user/app:cache", written out. */
function cacheEntry(entry: string): string {
  return entry.includes("=") ? entry : `type=registry,ref=${entry}`;
}
