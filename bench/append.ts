import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTinyBase } from "../tests/e2e/bad-input/tiny-base.ts";
import { skopeo } from "../tests/engines/clients.ts";
import { ensureEngines, type EngineName, type Engines } from "../tests/engines/install.ts";
import { openPodman, type Podman } from "../tests/engines/podman.ts";
import { startRegistry, type Registry } from "../tests/engines/registry.ts";
import { anyarch, ownEnvironment } from "./anyarch.ts";
import { changeCorpus, type Corpus, writeCorpus } from "./corpus.ts";
import { interleave, measure, type Sample } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

/** A tool that adds the application to the base and pushes the result. */
interface Contender {
  readonly name: string;
  /** With nothing of an earlier run but the base's place, into a new repository: all is packed and sent. */
  cold(repository: string, platforms: readonly string[]): Promise<Sample>;
  /** Once more into the same repository, with all that the tool itself remembers. */
  again(repository: string): Promise<Sample>;
}

interface Setting {
  readonly place: string;
  readonly corpus: Corpus;
  readonly registry: Registry;
  readonly engines: Engines;
}

const amd64 = ["linux/amd64"];
const both = ["linux/amd64", "linux/arm64"];

function anyarchContender({ place, corpus, registry }: Setting): Contender {
  const directory = join(place, "anyarch");
  const env = ownEnvironment(directory);
  const command = [...anyarch, "build", corpus.directory, "--base-image", `${registry.host}/base:1.0`];
  const build = (repository: string, platforms: readonly string[]): Promise<Sample> => {
    const target = ["--tag", `${registry.host}/${repository}:1`, "--push", "--quiet"];
    return measure([...command, "--platform", platforms.join(","), ...target], { cwd: place, env });
  };
  return {
    name: "anyarch",
    cold: (repository, platforms) => {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(join(directory, "home"), { recursive: true });
      return build(repository, platforms);
    },
    again: (repository) => build(repository, amd64),
  };
}

/** crane has no cache: the tar is made and read anew each time. */
function craneContender({ place, corpus, registry, engines }: Setting): Contender {
  const tar = join(place, "crane.tar");
  const pack = `tar -C ${corpus.directory} --transform 's,^\\.,app,' -cf ${tar} .`;
  const append = (target: string, platform: string): string =>
    `crane append --insecure --platform ${platform} -b ${registry.host}/base:1.0 -f ${tar} -t ${target}`;
  const run = (script: string): Promise<Sample> =>
    measure(["/bin/sh", "-ec", script], {
      cwd: place,
      env: { PATH: `${engines.path}:${process.env["PATH"] ?? ""}`, ...registry.env },
    });
  const build = (repository: string, platforms: readonly string[]): Promise<Sample> => {
    const target = `${registry.host}/${repository}`;
    if (platforms.length === 1) return run(`${pack}; ${append(`${target}:1`, platforms[0] ?? "")}`);
    const tags = platforms.map((platform) => `${target}:${platform.replaceAll("/", "-")}`);
    const index = `crane index append --insecure ${tags.map((tag) => `-m ${tag}`).join(" ")} -t ${target}:1`;
    return run(
      [pack, ...platforms.map((platform, at) => append(tags[at] ?? "", platform)), index].join("; "),
    );
  };
  return { name: "tar + crane append", cold: build, again: (repository) => build(repository, amd64) };
}

/** A layout with the base is at hand; umoci packs anew each time, and can't make an index. */
function umociContender({ place, corpus, registry, engines }: Setting): Contender {
  const layout = join(place, "umoci");
  const script = (target: string): string =>
    [
      `rm -rf ${layout}`,
      `skopeo copy --quiet --src-tls-verify=false --override-arch amd64 docker://${registry.host}/base:1.0 oci:${layout}:base`,
      `umoci insert --image ${layout}:base --tag new ${corpus.directory} /app`,
      `skopeo copy --quiet --dest-tls-verify=false oci:${layout}:new docker://${target}`,
    ].join("; ");
  const build = (repository: string): Promise<Sample> =>
    measure(["/bin/sh", "-ec", script(`${registry.host}/${repository}:1`)], {
      cwd: place,
      env: { PATH: `${engines.path}:${process.env["PATH"] ?? ""}`, ...registry.env },
    });
  return { name: "umoci insert + skopeo", cold: build, again: build };
}

/** Buildah's library behind podman 4.3, with its own cache of layers. */
function podmanContender({ place, corpus, registry }: Setting, podman: Podman): Contender {
  const file = join(place, "Containerfile");
  writeFileSync(file, `FROM ${registry.host}/base:1.0\nCOPY . /app\n`);
  const build = (repository: string, flags: string): Promise<Sample> => {
    const image = `${registry.host}/${repository}:1`;
    const script = [
      `podman build --quiet --platform linux/amd64 ${flags} --file ${file} --tag ${image} ${corpus.directory}`,
      `podman push --quiet --tls-verify=false ${image}`,
    ].join("; ");
    const path = `${podman.path}:${process.env["PATH"] ?? ""}`;
    return measure(["/bin/sh", "-ec", script], { cwd: place, env: { ...podman.env, PATH: path } });
  };
  return {
    name: "podman build (buildah)",
    cold: (repository) => build(repository, "--no-cache"),
    again: (repository) => build(repository, ""),
  };
}

const needed: readonly EngineName[] = ["docker-registry", "openssl", "skopeo"];

/** Adds an application of 5,000 files to a base, pushes it to a registry on loopback: anyarch beside real peers. */
export async function benchAppend(place: string, rounds: number): Promise<Table[]> {
  const engines = await ensureEngines([...needed, "crane", "umoci", "podman", "runc"]);
  const lacking = engines.without(...needed);
  if (lacking !== undefined) throw new Error(`This part needs a registry: ${lacking}`);
  const corpus = writeCorpus(join(place, "application"));
  await using registry = await startRegistry();
  const base = await makeTinyBase(join(place, "base"));
  await skopeo(["copy", "--all", "--dest-tls-verify=false", base, `docker://${registry.host}/base:1.0`]);
  const setting = { place, corpus, registry, engines };
  const contenders = [anyarchContender(setting)];
  if (engines.without("crane") === undefined) contenders.push(craneContender(setting));
  if (engines.without("umoci") === undefined) contenders.push(umociContender(setting));
  await using podman =
    engines.without("podman", "runc") === undefined
      ? await openPodman({ registries: [registry] })
      : undefined;
  if (podman !== undefined) contenders.push(podmanContender(setting, podman));
  return await compare(contenders, corpus, rounds);
}

async function compare(contenders: readonly Contender[], corpus: Corpus, rounds: number): Promise<Table[]> {
  const size = `${corpus.files} files, ${(corpus.bytes / 1e6).toFixed(1)} MB`;
  const runs = (run: (contender: Contender, round: number) => Promise<Sample>, among = contenders) =>
    interleave(
      Object.fromEntries(among.map((one) => [one.name, (round: number) => run(one, round)])),
      rounds,
    );
  const repository = ({ name }: Contender, what: string): string =>
    `${what}/${name.replaceAll(/\W+/g, "-").replace(/-$/, "")}`;
  const cold = await runs((one, round) => one.cold(repository(one, `cold${round}`), amd64));
  const unchanged = await runs((one) => one.again(repository(one, `cold${rounds}`)));
  let changed = -1;
  const one = await runs((contender, round) => {
    if (round !== changed) changeCorpus(corpus, (changed = round));
    return contender.again(repository(contender, `cold${rounds}`));
  });
  const multi = contenders.filter(({ name }) => /anyarch|crane/.test(name));
  const second = await runs(
    (contender, round) => contender.cold(repository(contender, `both${round}`), both),
    multi,
  );
  const tables = [
    makeTable(`Append ${size} to a base and push: everything anew`, "anyarch", cold),
    makeTable("The same again, nothing changed", "anyarch", unchanged),
    makeTable("One file changed", "anyarch", one),
    makeTable("Everything anew for two platforms, as one index", "anyarch", second),
  ];
  return tables;
}
