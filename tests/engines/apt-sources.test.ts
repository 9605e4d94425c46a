import { describe, expect, it } from "vitest";
import { debianMirror } from "./apt-sources.ts";

const deb822 = `# a comment
Types: deb
# another
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/example.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe("debianMirror", () => {
  it("reads deb822 sources, not the security archive's", () => {
    expect(debianMirror([{ name: "debian.sources", text: deb822 }], "bookworm")).toEqual({
      uri: "http://mirror.example/debian",
      signedBy: "/usr/share/keyrings/example.gpg",
    });
  });

  it("reads one-line sources with options, comments and other archives before", () => {
    const text = `# deb http://no.example/debian bookworm main
deb-src http://src.example/debian bookworm main
deb https://other.example/apt tool-bookworm main
deb http://sec.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian bookworm main contrib # yes
`;
    expect(debianMirror([{ name: "sources.list", text }], "bookworm")).toEqual({
      uri: "https://mirror.example/debian",
      signedBy: "/k.gpg",
    });
  });

  it("passes over disabled paragraphs, folded fields and inline keys", () => {
    const text = `Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb deb-src
URIs:
 http://first.example/debian
 http://second.example/debian
Suites: stable
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY
`;
    const files = [{ name: "x.sources", text }];
    expect(debianMirror(files, "trixie")).toEqual({ uri: "http://first.example/debian" });
  });

  it("finds nothing where there is no Debian", () => {
    expect(
      debianMirror([{ name: "a.list", text: "deb https://x.example/y ./\n" }], "bookworm"),
    ).toBeUndefined();
  });
});
