import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  file,
  type LoopbackArchive,
  startArchive,
  type TestPackage,
} from "../integration/debian/loopback-archive.ts";
import { IndexServer } from "../unit/packages/python/index-server.ts";
import { makeWheel } from "../unit/packages/python/wheel-fixture.ts";
import { copyExample } from "./anyarch.ts";

/** Bytes that don't compress, so that damage in the middle of what holds them hits them. */
const noise = (bytes: number): string => randomBytes(bytes / 2).toString("hex");

function basePackages(architecture: string): TestPackage[] {
  const python = "3.11.2-6";
  return [
    {
      name: "python3-minimal",
      version: python,
      architecture,
      fields: { Depends: "python3.11-minimal, data" },
      entries: [
        { type: "directory", path: "usr", mode: 0o755 },
        { type: "directory", path: "usr/bin", mode: 0o755 },
        { type: "symlink", path: "usr/bin/python3", mode: 0o777, target: "python3.11" },
      ],
    },
    {
      name: "python3.11-minimal",
      version: python,
      architecture,
      fields: { Depends: "libc6 (>= 2.36)" },
      entries: [
        { type: "directory", path: "usr", mode: 0o755 },
        { type: "directory", path: "usr/bin", mode: 0o755 },
        file("usr/bin/python3.11", noise(200_000), 0o755),
      ],
    },
    {
      name: "libc6",
      version: "2.36-9",
      architecture,
      entries: [
        { type: "directory", path: "lib", mode: 0o755 },
        file("lib/libc.so.6", noise(100_000), 0o755),
      ],
    },
  ];
}

const data: TestPackage = {
  name: "data",
  version: "3",
  architecture: "all",
  entries: [
    { type: "directory", path: "usr", mode: 0o755 },
    { type: "directory", path: "usr/share", mode: 0o755 },
    file("usr/share/table", noise(50_000)),
  ],
};

export interface LoopbackApplication extends AsyncDisposable {
  /** The application: hello-python with two dependencies, one of them native, on a Debian of three packages. */
  readonly directory: string;
  /** For anyarch: this index and nothing else that the machine has configured. */
  readonly env: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
  readonly archive: LoopbackArchive;
  readonly index: IndexServer;
}

/** Everything that a build for linux/amd64 and linux/arm64 needs, on loopback and a few hundred KB in size. */
export async function startLoopbackApplication(place: string): Promise<LoopbackApplication> {
  const archive = await startArchive({
    packages: [...basePackages("amd64"), ...basePackages("arm64"), data],
    architectures: ["amd64", "arm64"],
  });
  const wheels = [
    makeWheel({ name: "pure", files: [{ name: "pure/__init__.py", content: noise(50_000) }] }),
    ...["x86_64", "aarch64"].map((machine) =>
      makeWheel({
        name: "native",
        tag: `cp311-cp311-manylinux_2_17_${machine}`,
        purelib: false,
        files: [{ name: "native/data.bin", content: noise(50_000) }],
      }),
    ),
  ];
  const index = await IndexServer.start(
    wheels.map((wheel) => ({ project: wheel.filename.split("-")[0] ?? "", ...wheel })),
  );
  const directory = copyExample("hello-python", join(place, "application"));
  const hashes = (name: string): string =>
    wheels
      .filter(({ filename }) => filename.startsWith(`${name}-`))
      .map(({ sha256 }) => ` --hash=sha256:${sha256}`)
      .join("");
  writeFileSync(
    join(directory, "requirements.txt"),
    ["pure", "native"].map((name) => `${name}==1.0${hashes(name)}\n`).join(""),
  );
  mkdirSync(join(place, "keys"));
  const keyring = join(place, "keys/archive.asc");
  writeFileSync(keyring, archive.publicKey);
  const settings = { suite: "test", mirror: archive.uri, keyring };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  writeFileSync(join(directory, "anyarch.toml"), ["[base.debian]", ...lines, ""].join("\n"));
  return {
    directory,
    env: { PIP_CONFIG_FILE: "/dev/null", UV_NO_CONFIG: "1", PIP_FIND_LINKS: "", PIP_INDEX_URL: index.url },
    flags: ["--base-image", "deb:test/python3-minimal", "--platform", "linux/amd64,linux/arm64"],
    archive,
    index,
    [Symbol.asyncDispose]: async () => {
      await index[Symbol.asyncDispose]();
      await archive[Symbol.asyncDispose]();
    },
  };
}
