import { execFileSync, spawnSync } from "node:child_process";
import { cp, mkdir, readdir, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeLayer } from "../../../src/archive/write-layer.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { debianLayers, type DebianLayers } from "../../../src/packages/debian/layers.ts";
import { debianArchitecture, type DebianSource } from "../../../src/packages/debian/request.ts";
import { resolveDebian } from "../../../src/packages/debian/resolve.ts";
import { readAptSources, selectSources } from "../../../src/packages/debian/sources.ts";

const suite = "bookworm";
const host = createNodeHost();
const probe = createContext(host);

/** Why the real mirror can't be used here; undefined where it can. */
async function obstacle(): Promise<string | undefined> {
  for (const tool of ["apt-get", "dpkg"]) {
    if (spawnSync(tool, ["--version"]).status !== 0) return `${tool} isn't installed`;
  }
  const [source] = selectSources(await readAptSources(probe), suite);
  if (source === undefined) return `apt has no Debian source for ${suite}`;
  try {
    const url = new URL(`${source.uri}/dists/${suite}/InRelease`);
    const response = await host.request({ method: "HEAD", url, idleTimeoutMs: 5000 });
    response.body.resume();
    return response.status === 200 ? undefined : `the mirror answers with ${response.status}`;
  } catch {
    return "the mirror can't be reached";
  }
}

const reason = await obstacle();
const isRoot = process.getuid?.() === 0;

describe.skipIf(reason !== undefined)(
  `the configured mirror${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    let temp: TempDir;
    let ctx: Context;
    let sources: DebianSource[];
    const cached = createNodeHost();
    const updated = new Map<string, { options: string[]; sources: DebianSource[] }>();

    beforeAll(async () => {
      temp = await makeTempDir();
      sources = selectSources(await readAptSources(probe), suite);
      ctx = createContext({ ...cached, cacheDir: join(temp.path, "cache") });
    });
    afterAll(async () => {
      await host.close();
      await cached.close();
      await temp[Symbol.asyncDispose]();
    });

    /** apt with an empty state of its own, for another architecture; only sources that apt itself accepts. */
    async function apt(architecture: string): Promise<{ options: string[]; sources: DebianSource[] }> {
      const known = updated.get(architecture);
      if (known !== undefined) return known;
      const accepted: DebianSource[] = [];
      const folder = join(temp.path, `apt-${architecture}`);
      for (const path of ["lists/partial", "cache/archives/partial"]) {
        await mkdir(join(folder, path), { recursive: true });
      }
      await writeFile(join(folder, "status"), "");
      const options = [
        `APT::Architecture=${architecture}`,
        `APT::Architectures::=${architecture}`,
        `Dir::State::Lists=${folder}/lists`,
        `Dir::Cache=${folder}/cache`,
        `Dir::State::status=${folder}/status`,
        `Dir::Etc::sourcelist=${folder}/sources.list`,
        "Dir::Etc::sourceparts=-",
        "APT::Sandbox::User=root",
        "Debug::NoLocking=1",
        "Acquire::Languages=none",
        "Acquire::Check-Valid-Until=false",
      ].flatMap((option) => ["-o", option]);
      for (const source of sources) {
        await writeFile(join(folder, "sources.list"), sourceLines([...accepted, source]));
        const { stderr, status } = spawnSync("apt-get", [...options, "-q", "update"], { encoding: "utf8" });
        if (status === 0 && !/^E:/m.test(stderr)) accepted.push(source);
      }
      await writeFile(join(folder, "sources.list"), sourceLines(accepted));
      const result = { options, sources: accepted };
      updated.set(architecture, result);
      return result;
    }

    function sourceLines(list: readonly DebianSource[]): string {
      return list
        .flatMap(({ uri, suites, components, signedBy }) =>
          suites.map((one) => {
            const option = signedBy?.startsWith("/") === true ? `[signed-by=${signedBy}] ` : "";
            return `deb ${option}${uri} ${one} ${components.join(" ")}\n`;
          }),
        )
        .join("");
    }

    async function aptsChoice(architecture: string, packages: readonly string[]): Promise<string[]> {
      const { options } = await apt(architecture);
      const output = execFileSync(
        "apt-get",
        [...options, "-s", "--no-install-recommends", "install", ...packages],
        { encoding: "utf8", maxBuffer: 64 << 20 },
      );
      return [...output.matchAll(/^Inst ([^\s:]+)\S* \((\S+)/gm)]
        .map(([, name, version]) => `${name} ${version}`)
        .sort();
    }

    describe.each(["linux/amd64", "linux/arm64", "linux/arm/v7"])("for %s", (text) => {
      const platform = parsePlatform(text);
      it.for([
        ["python3-minimal", "ca-certificates"],
        ["python3", "ca-certificates"],
        ["nodejs"],
        ["default-mta", "git"],
      ])("chooses what apt does for %j", async (packages, { annotate }) => {
        const architecture = debianArchitecture(platform);
        const { sources: mirrors } = await apt(architecture);
        const refused = sources
          .filter((source) => !mirrors.includes(source))
          .flatMap((source) => source.suites);
        if (refused.length > 0)
          await annotate(`apt itself refuses ${refused.join(", ")} here: compared without`);
        expect(mirrors.some((source) => source.suites.includes(suite))).toBe(true);
        const lock = await resolveDebian({ suite, packages, mirrors }, [platform], ctx);
        const mine = lock.architectures[architecture]?.map((one) => `${one.name} ${one.version}`).sort();
        expect(mine?.length).toBeGreaterThan(10);
        expect(mine).toEqual(await aptsChoice(architecture, packages));
      });
    });

    async function unpack(layers: DebianLayers, name: string): Promise<string> {
      const root = join(temp.path, name);
      await mkdir(root);
      for (const [index, layer] of layers.layers.entries()) {
        const destination = join(temp.path, `${name}-${index}.tar`);
        await writeLayer(layer.entries, { destination, compression: "none" });
        execFileSync("tar", ["-xpf", destination, "-C", root, ...(isRoot ? ["--same-owner"] : [])]);
      }
      return root;
    }

    it("makes systems that dpkg finds in order and share the neutral layer", async () => {
      const platforms = ["linux/amd64", "linux/arm64"].map(parsePlatform);
      const packages = ["python3", "ca-certificates"];
      const lock = await resolveDebian({ suite, packages, mirrors: sources }, platforms, ctx);
      const digests: string[] = [];
      for (const platform of platforms) {
        const layers = await debianLayers(lock, platform, ctx, { mirrors: sources });
        expect(layers.facts.libc).toEqual({ family: "glibc", version: "2.36" });
        expect(layers.facts.python).toEqual({ version: "3.11.2", executable: "/usr/bin/python3" });
        const root = await unpack(layers, platform.architecture);
        const dpkg = (...args: string[]): string =>
          execFileSync("dpkg", [`--root=${root}`, ...args], {
            encoding: "utf8",
            env: { ...process.env, LC_ALL: "C" },
          });
        expect(dpkg("--verify")).toBe("");
        expect(dpkg("--audit")).toBe("");
        const listed = dpkg("-l")
          .split("\n")
          .filter((line) => line.startsWith("ii "));
        expect(listed).toHaveLength(lock.architectures[platform.architecture]?.length ?? -1);
        const sum = execFileSync("sha256sum", [join(temp.path, `${platform.architecture}-0.tar`)], {
          encoding: "utf8",
        });
        digests.push(sum.slice(0, 64));
      }
      expect(digests[0]).toBe(digests[1]);
    });

    it.skipIf(spawnSync("openssl", ["version"]).status !== 0)(
      "links certificates by the hashes of openssl",
      async () => {
        const certificates = join(temp.path, "arm64/etc/ssl/certs");
        const copy = join(temp.path, "rehashed");
        await mkdir(copy);
        // The links point into the image's root: give openssl the files themselves.
        for (const name of (await readdir(certificates)).filter((one) => one.endsWith(".pem"))) {
          const target = await readlink(join(certificates, name));
          await cp(join(temp.path, "arm64", target), join(copy, name));
        }
        execFileSync("openssl", ["rehash", copy]);
        const links = async (folder: string): Promise<string[]> => {
          const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name));
          return Promise.all(
            names.sort().map(async (name) => `${name} ${await readlink(join(folder, name))}`),
          );
        };
        const mine = await links(certificates);
        expect(mine.length).toBeGreaterThan(100);
        expect(mine).toEqual(await links(copy));
      },
    );

    it.skipIf(!isRoot || process.arch !== "x64")(
      "runs Python with TLS trust on this machine's architecture",
      () => {
        const root = join(temp.path, "amd64");
        const program = [
          "import ssl, json, platform, pathlib, sqlite3, zlib, ctypes",
          "context = ssl.create_default_context()",
          "paths = ssl.get_default_verify_paths()",
          "print(json.dumps([platform.libc_ver()[1], platform.python_version(), paths.openssl_capath,",
          "  len(list(pathlib.Path('/etc/ssl/certs').glob('*.0'))) > 100, context.verify_mode == ssl.CERT_REQUIRED]))",
        ].join("\n");
        const output = execFileSync("chroot", [root, "/usr/bin/python3", "-c", program], {
          encoding: "utf8",
          env: { PATH: process.env["PATH"] ?? "" },
        });
        expect(JSON.parse(output)).toEqual(["2.36", "3.11.2", "/usr/lib/ssl/certs", true, true]);
      },
    );

    it("reads what the machine's own apt sources say", async () => {
      const names = async (): Promise<string[] | undefined> => {
        const lock = await resolveDebian({ suite, packages: ["libc6"] }, [parsePlatform("linux/arm64")], ctx);
        expect(JSON.stringify(lock)).not.toMatch(/https?:/);
        return lock.architectures["arm64"]?.map((one) => one.name);
      };
      expect(await names()).toEqual(["gcc-12-base", "libc6", "libgcc-s1"]);
    });
  },
);
