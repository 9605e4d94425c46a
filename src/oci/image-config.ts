import * as v from "valibot";
import { type Annotations, parseContent, serialize, sortedMap, stringMap } from "./content.ts";
import { type Digest, isDigest } from "./digest.ts";

/** image-spec config.md, "rootfs" and "history". */
export interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** True for steps that made no layer. */
  readonly empty_layer?: boolean;
}

/** Docker's extension; durations in nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** What a container runs with; image-spec config.md, "config". */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  /** "NAME=value" in order. */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Annotations;
  readonly StopSignal?: string;
  readonly Healthcheck?: Healthcheck;
}

/** image-spec config.md. Keys that anyarch doesn't know are kept. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly config?: RunConfig;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly History[];
}

const text = v.string();
/** Docker writes null where the image-spec leaves a key out. */
const nullable = <T extends v.GenericSchema>(schema: T) => v.exactOptional(v.nullable(schema));
const digest = v.custom<Digest>((input) => typeof input === "string" && isDigest(input), "not a digest");
const runConfig = v.looseObject({
  User: nullable(text),
  ExposedPorts: nullable(v.record(text, v.looseObject({}))),
  Env: nullable(v.array(text)),
  Entrypoint: nullable(v.array(text)),
  Cmd: nullable(v.array(text)),
  Volumes: nullable(v.record(text, v.looseObject({}))),
  WorkingDir: nullable(text),
  Labels: nullable(stringMap),
  StopSignal: nullable(text),
});
const imageConfig = v.looseObject({
  created: nullable(text),
  author: nullable(text),
  architecture: text,
  os: text,
  variant: nullable(text),
  config: nullable(runConfig),
  rootfs: v.looseObject({ type: v.literal("layers"), diff_ids: v.nullable(v.array(digest)) }),
  history: nullable(v.array(v.looseObject({ empty_layer: v.exactOptional(v.boolean()) }))),
});

/** Drops nulls on the first two levels, so that absent is always undefined. Unknown keys stay. */
function withoutNulls(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}

/** Throws CONTENT_INVALID with the place of what is wrong. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const value = parseContent<v.InferOutput<typeof imageConfig>>(imageConfig, bytes, "image config");
  const cleaned = withoutNulls(value);
  if (value.config) cleaned["config"] = withoutNulls(value.config);
  cleaned["rootfs"] = { ...value.rootfs, diff_ids: value.rootfs.diff_ids ?? [] };
  return cleaned as unknown as ImageConfig;
}

/** The bytes of a config that anyarch makes: the image-spec's key order, maps sorted, empty values left out. */
export function serializeImageConfig(value: ImageConfig): Uint8Array {
  const { config, rootfs, history, ...rest } = value;
  return serialize(
    inOrder(
      {
        ...rest,
        ...(config && { config: orderedRunConfig(config) }),
        rootfs: { type: "layers", diff_ids: rootfs.diff_ids },
        ...(history && { history: history.map((step) => inOrder(step, historyKeys)) }),
      },
      imageKeys,
    ),
  );
}

const imageKeys = [
  "created",
  "author",
  "architecture",
  "os",
  "os.version",
  "os.features",
  "variant",
  "config",
  "rootfs",
  "history",
];
const historyKeys = ["created", "created_by", "author", "comment", "empty_layer"];
const healthKeys = ["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"];
const runKeys = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",
  "Healthcheck",
];

/** The same object with `keys` first, in their order, then all others sorted: equal values get equal bytes. */
function inOrder<T extends object>(value: T, keys: readonly string[]): T {
  const rank = (key: string): number => {
    const at = keys.indexOf(key);
    return at < 0 ? keys.length : at;
  };
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))) as T;
}

function orderedRunConfig(config: RunConfig): RunConfig {
  const { User, ExposedPorts, Env, Volumes, WorkingDir, Labels, StopSignal, Healthcheck, ...rest } = config;
  const labels = sortedMap(Labels);
  const keys = (map: Readonly<Record<string, object>>): Record<string, object> =>
    Object.fromEntries(
      Object.keys(map)
        .sort()
        .map((key) => [key, {}]),
    );
  const ordered: RunConfig = {
    ...rest,
    ...(User && { User }),
    ...(ExposedPorts && Object.keys(ExposedPorts).length > 0 && { ExposedPorts: keys(ExposedPorts) }),
    ...(Env && Env.length > 0 && { Env }),
    ...(Volumes && Object.keys(Volumes).length > 0 && { Volumes: keys(Volumes) }),
    ...(WorkingDir && { WorkingDir }),
    ...(labels && { Labels: labels }),
    ...(StopSignal && { StopSignal }),
    ...(Healthcheck && { Healthcheck: inOrder(Healthcheck, healthKeys) }),
  };
  return inOrder(ordered, runKeys);
}
