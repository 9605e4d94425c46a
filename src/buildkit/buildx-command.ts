import { formatPlatform } from "../oci/platform.ts";
import { outputFields, provenanceOf } from "./export-options.ts";
import { csvField } from "./shell-words.ts";
import type { Command, Solve } from "./solve.ts";

/** How buildx is called to reach one builder. */
export interface BuildxAccess {
  readonly program: string;
  readonly prefix: readonly string[];
  readonly builder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** `buildx build` for one platform on one builder; pure. */
export function buildxCommand(access: BuildxAccess, solve: Solve): Command {
  const args = [...access.prefix, "build", "--builder", access.builder];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) args.push(name, value);
  };
  const addAll = (name: string, values: Readonly<Record<string, string>>): void => {
    for (const [key, value] of Object.entries(values)) args.push(name, `${key}=${value}`);
  };
  add("--platform", formatPlatform(solve.platform));
  add("--file", solve.dockerfile);
  add("--target", solve.target);
  addAll("--build-arg", solve.buildArgs);
  if (solve.sourceDateEpoch !== undefined) add("--build-arg", `SOURCE_DATE_EPOCH=${solve.sourceDateEpoch}`);
  addAll("--label", solve.labels);
  if (solve.delivery.kind !== "none") addAll("--annotation", solve.annotations);
  addAll("--build-context", solve.namedContexts);
  for (const secret of solve.secrets) add("--secret", secret);
  for (const ssh of solve.ssh) add("--ssh", ssh);
  for (const cache of solve.cacheFrom) add("--cache-from", cache);
  for (const cache of solve.cacheTo) add("--cache-to", cache);
  if (solve.noCache) args.push("--no-cache");
  if (solve.pull) args.push("--pull");
  add("--network", solve.network);
  if (solve.network === "host") add("--allow", "network.host");
  args.push(`--provenance=${provenanceOf(solve) ?? "false"}`);
  if (solve.sbom !== undefined) args.push(`--sbom=${solve.sbom}`);
  const output = outputFields(solve)?.map(csvField).join(",");
  add("--output", output ?? "type=cacheonly");
  add("--metadata-file", solve.metadataFile);
  args.push("--progress=rawjson", solve.context);
  return { program: access.program, args, env: access.env };
}
