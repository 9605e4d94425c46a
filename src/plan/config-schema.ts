import * as v from "valibot";
import { AnyarchError } from "../errors/error.ts";

const text = v.string();
const words = v.union([text, v.array(text)]);
const scalars = v.record(text, v.union([text, v.number(), v.boolean()]));
const optional = v.exactOptional;

const build = v.strictObject({
  context: optional(text),
  tag: optional(words),
  platform: optional(words),
  base_image: optional(text),
  include_deps: optional(v.boolean()),
  requirements: optional(text),
  requirements_file: optional(text),
  extras: optional(v.array(text)),
  groups: optional(v.array(text)),
  push: optional(v.boolean()),
  output: optional(words),
  env: optional(scalars),
  labels: optional(scalars),
  annotations: optional(scalars),
  entrypoint: optional(words),
  cmd: optional(words),
  user: optional(text),
  workdir: optional(text),
  ports: optional(v.array(v.union([text, v.number()]))),
  volumes: optional(v.array(text)),
  stop_signal: optional(text),
  healthcheck: optional(
    v.strictObject({
      cmd: words,
      interval: optional(text),
      timeout: optional(text),
      start_period: optional(text),
      retries: optional(v.number()),
    }),
  ),
  fallback: optional(text),
  source_date_epoch: optional(v.number()),
  reproducible: optional(v.boolean()),
  jobs: optional(v.number()),
  verify: optional(text),
  compression: optional(text),
  use_cache: optional(v.boolean()),
  engine: optional(text),
  dockerfile: optional(text),
  target: optional(text),
  build_args: optional(scalars),
  platform_args: optional(v.record(text, scalars)),
  build_contexts: optional(v.record(text, text)),
  secrets: optional(v.array(text)),
  ssh: optional(words),
  cache_from: optional(words),
  cache_to: optional(words),
  pull: optional(v.boolean()),
  network: optional(text),
  provenance: optional(v.union([text, v.boolean()])),
  sbom: optional(v.union([text, v.boolean()])),
  emulation: optional(v.boolean()),
  load: optional(v.boolean()),
  temporary_tags: optional(v.boolean()),
  retries: optional(v.number()),
  timeout: optional(text),
  silence_limit: optional(text),
  crash_silence: optional(text),
});

const config = v.strictObject({
  build: optional(build),
  platforms: optional(
    v.record(
      text,
      v.strictObject({
        env: optional(scalars),
        labels: optional(scalars),
        build_args: optional(scalars),
        base_image: optional(text),
        optional: optional(v.boolean()),
      }),
    ),
  ),
  builders: optional(v.record(text, v.union([words, v.strictObject({ endpoint: words })]))),
  python: optional(v.strictObject({ build_image: optional(text), build_packages: optional(v.array(text)) })),
  registry: optional(v.strictObject({ url: optional(text) })),
  registries: optional(
    v.record(
      text,
      v.strictObject({
        location: optional(text),
        mirrors: optional(v.array(text)),
        insecure: optional(v.boolean()),
        ca: optional(text),
      }),
    ),
  ),
  base: optional(
    v.strictObject({
      debian: optional(
        v.strictObject({
          suite: optional(text),
          packages: optional(v.array(text)),
          mirror: optional(text),
          keyring: optional(text),
          sources: optional(
            v.array(
              v.strictObject({
                uri: text,
                suites: v.array(text),
                components: optional(v.array(text)),
                keyring: optional(text),
              }),
            ),
          ),
        }),
      ),
    }),
  ),
  verify: optional(v.strictObject({ allow: optional(v.array(text)) })),
  check: optional(
    v.strictObject({
      skip: optional(v.array(text)),
      severity: optional(v.record(text, v.picklist(["error", "warning", "info", "off"]))),
    }),
  ),
  test: optional(
    v.strictObject({
      commands: optional(
        v.array(
          v.union([
            words,
            v.strictObject({
              run: words,
              name: optional(text),
              exit: optional(v.number()),
              stdout: optional(text),
            }),
          ]),
        ),
      ),
      files: optional(v.array(text)),
      ports: optional(v.array(v.number())),
      http: optional(
        v.array(
          v.strictObject({
            port: v.number(),
            path: optional(text),
            status: optional(v.number()),
            contains: optional(text),
          }),
        ),
      ),
      expect_arch: optional(v.boolean()),
      ready_timeout: optional(text),
      timeout: optional(text),
      env: optional(scalars),
    }),
  ),
});

export type RawConfig = v.InferOutput<typeof config>;
export type RawBuild = v.InferOutput<typeof build>;

/** Checks a parsed TOML document; throws CONFIG_UNKNOWN_KEY with the nearest key, or CONFIG_INVALID. */
export function checkConfig(value: unknown, path: string): RawConfig {
  const result = v.safeParse(config, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue) ?? "";
  if (issue.type === "strict_object" && issue.expected === "never") {
    const key = place.split(".").at(-1) ?? "";
    const table = place.split(".").slice(0, -1).join(".");
    const known = knownKeys(table);
    const near = nearest(key, known);
    throw new AnyarchError(
      "CONFIG_UNKNOWN_KEY",
      `${path}: ${table === "" ? "the file" : `[${table}]`} has an unknown key "${key}".`,
      {
        hint: `${near === undefined ? "" : `Did you mean "${near}"? `}Known keys: ${known.join(", ")}.`,
        details: { path, key: place },
      },
    );
  }
  throw new AnyarchError("CONFIG_INVALID", `${path}: ${place} ${explain(issue)}.`, {
    details: { path, key: place },
  });
}

function explain(issue: v.BaseIssue<unknown>): string {
  return `should be ${issue.expected ?? "something else"}, not ${issue.received}`;
}

function knownKeys(table: string): readonly string[] {
  let schema: unknown = config;
  for (const part of table === "" ? [] : table.split(".")) {
    const open = unwrap(schema) as { entries?: Record<string, unknown>; value?: unknown };
    schema = open.entries?.[part] ?? open.value;
  }
  return Object.keys((unwrap(schema) as { entries?: object }).entries ?? {});
}

function unwrap(schema: unknown): unknown {
  let current = schema as { wrapped?: unknown } | undefined;
  while (current?.wrapped !== undefined) current = current.wrapped as { wrapped?: unknown };
  return current ?? {};
}

/** The candidate with the fewest edits, if they are few enough to be a slip. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  const normalized = word.toLowerCase().replaceAll("-", "_");
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(normalized, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3))
    ? best.candidate
    : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
