import { mkdir, rm, writeFile, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createContext, createNodeHost } from "../../../../src/host/node-host.ts";
import { parsePlatform } from "../../../../src/oci/platform.ts";
import { debianArchitecture, parseDebianBase } from "../../../../src/packages/debian/request.ts";
import {
  parseDeb822Sources,
  parseOneLineSources,
  readAptSources,
  selectSources,
} from "../../../../src/packages/debian/sources.ts";

describe("deb: bases", () => {
  it("reads suite and packages", () => {
    expect(parseDebianBase("deb:bookworm/python3-minimal,ca-certificates")).toEqual({
      suite: "bookworm",
      packages: ["python3-minimal", "ca-certificates"],
    });
    expect(parseDebianBase("trixie/libstdc++6, libc6,libc6")).toEqual({
      suite: "trixie",
      packages: ["libstdc++6", "libc6"],
    });
  });

  it.each([
    "",
    "deb:",
    "deb:bookworm",
    "deb:bookworm/",
    "deb:bookworm/,",
    "deb:/a",
    "deb:Bookworm/abc",
    "x/Py",
    "x/a b",
  ])("refuses %j and shows the right form", (text) => {
    expect(() => parseDebianBase(text)).toThrowError(
      expect.objectContaining({
        code: "REFERENCE_INVALID",
        hint: expect.stringContaining("deb:SUITE/PACKAGE"),
      }),
    );
  });

  it.each([
    ["linux/amd64", "amd64"],
    ["linux/arm64", "arm64"],
    ["linux/arm", "armhf"],
    ["linux/arm/v7", "armhf"],
    ["linux/arm/v6", "armel"],
    ["linux/arm/v5", "armel"],
    ["linux/386", "i386"],
    ["linux/ppc64le", "ppc64el"],
    ["linux/mips64le", "mips64el"],
    ["linux/s390x", "s390x"],
    ["linux/riscv64", "riscv64"],
    ["linux/amd64/v3", "amd64"],
  ])("knows %s as %s", (platform, name) => {
    expect(debianArchitecture(parsePlatform(platform))).toBe(name);
  });

  it.each(["windows/amd64", "linux/ppc64", "linux/wasm"])("has nothing for %s", (platform) => {
    expect(() => debianArchitecture(parsePlatform(platform))).toThrowError(
      expect.objectContaining({ code: "PLATFORM_INVALID" }),
    );
  });
});

describe("apt sources", () => {
  it("reads the one-line format", () => {
    const text = `# deb http://off.test/debian bookworm main
deb [arch=amd64,arm64 signed-by=/k.gpg] https://mirror.test/debian/ bookworm main contrib # comment
deb-src http://mirror.test/debian bookworm main
deb http://flat.test/ ./
deb [check-valid-until=no] http://old.test/debian buster main`;
    expect(parseOneLineSources(text)).toEqual([
      {
        uri: "https://mirror.test/debian",
        suites: ["bookworm"],
        components: ["main", "contrib"],
        signedBy: "/k.gpg",
        architectures: ["amd64", "arm64"],
      },
      { uri: "http://old.test/debian", suites: ["buster"], components: ["main"], checkValidUntil: false },
    ]);
  });

  it("reads the deb822 format with an embedded key", () => {
    const text = `Types: deb deb-src
URIs: http://a.test/debian http://b.test/debian
Suites: trixie trixie-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 xjMEZ
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://off.test/debian
Suites: trixie
Components: main
Enabled: no`;
    const signedBy = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxjMEZ\n-----END PGP PUBLIC KEY BLOCK-----";
    const rest = { suites: ["trixie", "trixie-updates"], components: ["main"], signedBy };
    expect(parseDeb822Sources(text, "test")).toEqual([
      { uri: "http://a.test/debian", ...rest },
      { uri: "http://b.test/debian", ...rest },
    ]);
  });

  describe("of a machine", () => {
    let root: string;
    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "apt-root-"));
      const files: Record<string, string> = {
        "etc/apt/sources.list": "deb http://main.test/debian bookworm main\ndeb cdrom:[x]/ bookworm main\n",
        "etc/apt/sources.list.d/b.list": "deb http://third.test/apt cloud-bookworm main\n",
        "etc/apt/sources.list.d/a.sources":
          "Types: deb\nURIs: mirror+file:/etc/apt/mirrors/sec.list\nSuites: bookworm-security\nComponents: main\n",
        "etc/apt/sources.list.d/off.list.disabled": "deb http://off.test/debian bookworm main\n",
        "etc/apt/mirrors/sec.list": "# mirrors\nhttp://sec.test/debian-security/\tpriority:1\n",
        "etc/apt/apt.conf.d/99test":
          '// Acquire::Check-Valid-Until "true";\nAcquire::Check-Valid-Until "false";\n',
      };
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      }
    });
    afterAll(() => rm(root, { recursive: true }));

    it("are those of the root that the environment names", async () => {
      const ctx = createContext(createNodeHost({ env: { ANYARCH_APT_ROOT: root } }));
      const sources = await readAptSources(ctx);
      expect(sources.map(({ uri, suites, checkValidUntil }) => [uri, suites[0], checkValidUntil])).toEqual([
        ["http://main.test/debian", "bookworm", false],
        ["http://sec.test/debian-security", "bookworm-security", false],
        ["http://third.test/apt", "cloud-bookworm", false],
      ]);
    });

    it("are none where there is no apt", async () => {
      const ctx = createContext(createNodeHost({ env: { ANYARCH_APT_ROOT: join(root, "nothing") } }));
      expect(await readAptSources(ctx)).toEqual([]);
    });
  });

  const source = (
    uri: string,
    ...suites: string[]
  ): { uri: string; suites: string[]; components: string[] } => ({
    uri,
    suites,
    components: ["main"],
  });
  const debian = [
    source("http://m.test/debian", "bookworm", "bookworm-updates", "bookworm-backports"),
    source("http://m.test/debian-security", "bookworm-security"),
    source("http://third.test", "nodistro", "bookworm-pgdg"),
  ];

  it("selects a release with its updates and security, nothing else", () => {
    expect(selectSources(debian, "bookworm")).toEqual([
      source("http://m.test/debian", "bookworm", "bookworm-updates"),
      source("http://m.test/debian-security", "bookworm-security"),
    ]);
  });

  it("turns the sources of one Debian release to another", () => {
    expect(selectSources(debian, "trixie")).toEqual([
      source("http://m.test/debian", "trixie", "trixie-updates"),
      source("http://m.test/debian-security", "trixie-security"),
    ]);
    expect(selectSources(debian, "sid")).toEqual([source("http://m.test/debian", "sid")]);
    expect(selectSources([source("http://u.test/ubuntu", "noble", "noble-updates")], "bookworm")).toEqual([]);
  });
});
