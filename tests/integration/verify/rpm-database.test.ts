import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { readRpmDatabase } from "../../../src/verify/rpm-database.ts";
import { verifyImage } from "../../../src/verify/verify-image.ts";
import { needEngine } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { file, makeImage, makeLayer, testContext } from "../../unit/verify/image-builder.ts";
import { closeSamples, debianFiles, fileOnDisk } from "./samples.ts";

const libraries =
  "librpm9 librpmbuild9 librpmio9 librpmsign9 liblua5.3-0 libsqlite3-0 libpopt0 libelf1 libdw1 libarchive13 libmagic1 libmagic-mgc libcap2 libacl1 libbz2-1.0 liblzma5 libzstd1 zlib1g libgcrypt20 libgpg-error0 libgomp1 libaudit1 libdbus-1-3 libfsverity0 libssl3 libnettle8 libxml2 libicu72 debugedit libreadline8";

/** Packages beside the first; with more than some tens the tree of the database has inner pages. */
const others = Array.from({ length: 60 }, (_, index) => `demo-part${index}`);

/** A package of a program, a library and so many files that its header fills several pages; and small ones. */
function spec(): string {
  return [
    "Name: demo\nVersion: 1.2\nRelease: 3\nSummary: x\nLicense: x\n%description\nx",
    ...others.map((name) => `%package -n ${name}\nSummary: x\n%description -n ${name}\nx`),
    "%install",
    "mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/lib64/demo",
    "echo x >%{buildroot}/usr/bin/demo-tool",
    "for i in $(seq 400); do echo x >%{buildroot}/usr/lib64/demo/module-with-a-long-name-$i.so; done",
    ...others.map((name) => `echo x >%{buildroot}/usr/bin/${name}`),
    "%files\n/usr/bin/demo-tool\n/usr/lib64/demo",
    ...others.map((name) => `%files -n ${name}\n/usr/bin/${name}`),
    "",
  ].join("\n");
}

let dir: TempDir;
let database: Buffer;
/** "name version architecture path" of each file, as rpm says. */
let said: string[];

beforeAll(async () => {
  dir = await makeTempDir();
  const root = await debianFiles("amd64", ["rpm", "rpm-common", ...libraries.split(" ")]);
  const folders = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map((folder) => join(root, folder));
  const env = { LD_LIBRARY_PATH: folders.join(":"), RPM_CONFIGDIR: join(root, "usr/lib/rpm") };
  const db = join(dir.path, "db");
  await mkdir(db);
  await writeFile(join(dir.path, "demo.spec"), spec());
  const defined = [
    `_topdir ${dir.path}/top`,
    `_rpmconfigdir ${root}/usr/lib/rpm`,
    `_dbpath ${db}`,
    "_db_backend sqlite",
    "__os_install_post %{nil}",
    "debug_package %{nil}",
    "__find_requires %{nil}",
    "__find_provides %{nil}",
  ].flatMap((text) => ["--define", text]);
  const rpm = (program: string, ...args: string[]): Promise<{ stdout: string }> =>
    run(join(root, "usr/bin", program), [...defined, ...args], { cwd: dir.path, env });
  await rpm("rpmbuild", "-bb", "--target", "aarch64", "--nodeps", "demo.spec");
  const made = ["demo", ...others].map((name) => `top/RPMS/aarch64/${name}-1.2-3.aarch64.rpm`);
  await rpm("rpm", "-i", "--justdb", "--nodeps", "--ignorearch", "--nosignature", ...made);
  const format = "[%{=NAME} %{=VERSION}-%{=RELEASE} %{=ARCH} %{FILENAMES}\\n]";
  said = (await rpm("rpm", "-qa", "--qf", format)).stdout.trim().split("\n");
  // As images have it: nothing left in the write-ahead log.
  const python = (await needEngine("python")).program("python");
  const script =
    "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)')";
  await run(python, ["-c", script, join(db, "rpmdb.sqlite")]);
  database = readFileSync(join(db, "rpmdb.sqlite"));
}, 300_000);
afterAll(async () => {
  await closeSamples();
  await dir[Symbol.asyncDispose]();
});

describe("readRpmDatabase", () => {
  it("reads what rpm wrote: every package and file", () => {
    const found = readRpmDatabase(database).flatMap(({ name, version, architecture, files }) =>
      files.map((path) => `${name} ${version} ${architecture} /${path}`),
    );
    expect(found).toHaveLength(402 + others.length);
    expect(found.toSorted()).toEqual(said.toSorted());
  });

  it("gives up on a damaged database without throwing", () => {
    const change = fc.tuple(fc.nat({ max: database.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 20 }),
        fc.nat({ max: database.length }),
        (changes, length) => {
          const bytes = Buffer.from(database.subarray(0, length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          for (const { kind } of readRpmDatabase(bytes)) expect(kind).toBe("rpm");
        },
      ),
      { numRuns: 200 },
    );
  });

  it("tells whose a file is, and what the distribution meant", async () => {
    const program = join(await debianFiles("amd64", ["hostname"]), "bin/hostname");
    const upper = await makeLayer(dir.path, [fileOnDisk("usr/bin/demo-part7", program)]);
    const lower = await makeLayer(dir.path, [
      file("usr/lib/sysimage/rpm/rpmdb.sqlite", database, 0o644),
      fileOnDisk("usr/bin/demo-tool", program),
    ]);
    const image = makeImage({ platform: "linux/arm64", layers: [lower, upper] });
    const { findings } = await verifyImage(image, {}, testContext(dir.path));
    const wrong = findings.filter(({ code }) => code === "ELF_WRONG_MACHINE");
    expect(wrong.map(({ severity, path, origin }) => [severity, path, origin?.package])).toEqual([
      ["error", "usr/bin/demo-part7", { kind: "rpm", name: "demo-part7", version: "1.2-3" }],
      ["info", "usr/bin/demo-tool", { kind: "rpm", name: "demo", version: "1.2-3" }],
    ]);
    expect(wrong[0]?.message).toContain("(rpm package demo-part7 1.2-3, layer 1");
  });
});
