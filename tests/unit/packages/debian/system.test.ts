import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTempDir } from "../../../../src/host/temp-dir.ts";
import { alternativeEntries, findAlternatives } from "../../../../src/packages/debian/alternatives.ts";
import { mergeIntoUsr, usrLinks } from "../../../../src/packages/debian/usr-merge.ts";
import { subjectHash } from "../../../../src/packages/debian/x509-name-hash.ts";

describe("merged /usr", () => {
  it("moves only what lies in the root's own directories", () => {
    const paths = ["bin/sh", "lib", "lib64/ld.so", "library/x", "usr/bin/x", "opt/bin/x", "sbin"];
    expect(paths.map(mergeIntoUsr)).toEqual([
      "usr/bin/sh",
      "usr/lib",
      "usr/lib64/ld.so",
      "library/x",
      "usr/bin/x",
      "opt/bin/x",
      "usr/sbin",
    ]);
    expect(usrLinks(["usr/lib64/ld.so", "usr/share/x"])).toEqual(["bin", "lib", "lib64", "sbin"]);
  });
});

describe("alternatives", () => {
  const script = `#!/bin/sh
# update-alternatives --install /usr/bin/no no /usr/bin/no 1
if [ "$1" = configure ]; then
  update-alternatives --quiet --install "/usr/bin/awk" awk /bin/mawk 5 \\
     --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz >/dev/null || true
  update-alternatives --install /usr/bin/$name name /usr/bin/x 10
  update-alternatives --remove gone /usr/bin/gone
fi`;

  it("are read off scripts where they are plain", () => {
    expect(findAlternatives(script)).toEqual({
      alternatives: [
        {
          link: "/usr/bin/awk",
          name: "awk",
          path: "/bin/mawk",
          priority: 5,
          slaves: [
            {
              link: "/usr/share/man/man1/awk.1.gz",
              name: "awk.1.gz",
              path: "/usr/share/man/man1/mawk.1.gz",
            },
          ],
        },
      ],
      unreadable: 1,
    });
  });

  it("link to the highest priority that exists, in update-alternatives' own format", async () => {
    const make = (name: string, priority: number): Parameters<typeof alternativeEntries>[0][number] => ({
      link: "/usr/bin/pager",
      name: "pager",
      path: `/bin/${name}`,
      priority,
      slaves: [{ link: "/usr/share/pager.1", name: "pager.1", path: `/usr/share/${name}.1` }],
    });
    const exists = (path: string): boolean =>
      path === "usr/bin/more" || path === "usr/bin/less" || path === "usr/share/less.1";
    const entries = alternativeEntries([make("more", 50), make("less", 77), make("most", 99)], exists);
    const links = entries.flatMap((entry) =>
      entry.type === "symlink" ? [`${entry.path} ${entry.target}`] : [],
    );
    expect(links).toEqual([
      "etc/alternatives/pager /bin/less",
      "usr/bin/pager /etc/alternatives/pager",
      "etc/alternatives/pager.1 /usr/share/less.1",
      "usr/share/pager.1 /etc/alternatives/pager.1",
    ]);
    const [database] = entries;
    if (database?.type !== "file" || !("bytes" in database.content)) throw new Error("no database");
    const text = Buffer.from(database.content.bytes).toString();
    expect(text).toContain(
      "auto\n/usr/bin/pager\npager.1\n/usr/share/pager.1\n\n/bin/less\n77\n/usr/share/less.1\n",
    );
    if (spawnSync("update-alternatives", ["--version"]).status !== 0) return;
    await using temp = await makeTempDir();
    writeFileSync(join(temp.path, "pager"), text);
    const shown = execFileSync("update-alternatives", ["--admindir", temp.path, "--query", "pager"], {
      encoding: "utf8",
    });
    expect(shown).toContain("Alternative: /bin/more\nPriority: 50");
  });
});

describe.skipIf(spawnSync("openssl", ["version"]).status !== 0)("subject hashes", () => {
  it.each([
    "/C=DE/O=Example  Trust/CN=Root CA 1",
    "/CN=UPPER lower",
    "/O= padded /CN=x+OU=multi",
    "/C=ES/O=Ñandú Größe/CN=ÄÖ",
    "/DC=test/DC=example/emailAddress=CA@Example.TEST",
  ])("of %s are openssl's", async (subject) => {
    await using temp = await makeTempDir();
    const pem = join(temp.path, "ca.pem");
    const options = [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-utf8",
      "-multivalue-rdn",
    ];
    const made = ["req", "-x509", ...options, "-subj", subject, "-keyout", "/dev/null", "-out", pem];
    execFileSync("openssl", made, { stdio: "ignore" });
    const text = execFileSync("cat", [pem], { encoding: "utf8" });
    const expected = execFileSync("openssl", ["x509", "-noout", "-subject_hash", "-in", pem], {
      encoding: "utf8",
    });
    expect(subjectHash(text)).toBe(expected.trim());
  });

  it("refuse what is no certificate", () => {
    const bad = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (const text of ["", bad]) {
      expect(() => subjectHash(text)).toThrowError(expect.objectContaining({ code: "INPUT_INVALID" }));
    }
  });
});
