import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logicalLines, readRequirementsFile } from "../../../../src/packages/python/requirements-file.ts";
import { readPythonDependencies } from "../../../../src/packages/python/requirements.ts";
import { requirementText } from "../../../../src/packages/python/resolve-request.ts";
import { workspace } from "./fixture.ts";

const digest = "0123456789abcdef".repeat(4);

describe("requirement files", () => {
  it("are read as pip reads them", async () => {
    const space = await workspace(
      {
        "requirements.txt": [
          "\uFEFF# comment",
          "--index-url https://me:pw@index.invalid/simple  # main",
          "--extra-index-url=https://other.invalid/${TEAM}/simple",
          "-f ./links --no-index --pre",
          "-r sub/more.txt",
          "-c sub/limits.txt",
          "-e .[web]",
          "Alpha[x,Y] >= 1.0, <2 ; python_version < '3.13'  # why",
          "beta==1.0 \\",
          `    --hash=sha256:${digest} \\`,
          `    --hash sha384:${"b".repeat(96)}`,
          "gamma @ https://index.invalid/gamma-1.0-py3-none-any.whl#sha256=" + digest,
          "./wheels/delta-2.0-py3-none-any.whl ; sys_platform == 'linux'",
          "git+https://index.invalid/eps.git@v1#egg=eps",
        ].join("\r\n"),
        "sub/more.txt": "zeta==3\n-r deeper.txt\n",
        "sub/deeper.txt": "eta\n",
        "sub/limits.txt": "theta<4\n",
      },
      { TEAM: "blue" },
    );
    const file = await readRequirementsFile(
      join(space.project, "requirements.txt"),
      space.project,
      space.ctx,
    );
    expect(file.index).toEqual({
      indexUrl: "https://me:pw@index.invalid/simple",
      extraIndexUrls: ["https://other.invalid/blue/simple"],
      findLinks: [join(space.project, "links")],
      noIndex: true,
      trustedHosts: [],
    });
    expect(file.prereleases).toBe(true);
    expect(file.constraints.map(({ requirement }) => requirement?.name)).toEqual(["theta"]);
    expect(file.requirements.map(requirementText)).toEqual([
      "zeta==3",
      "eta",
      `file://${space.project} `.trimEnd(),
      "alpha[x,y]>=1.0,<2 ; python_version < '3.13'",
      "beta==1.0",
      `gamma @ https://index.invalid/gamma-1.0-py3-none-any.whl#sha256=${digest}`,
      `delta @ file://${space.project}/wheels/delta-2.0-py3-none-any.whl ; sys_platform == 'linux'`,
      "eps @ git+https://index.invalid/eps.git@v1#egg=eps",
    ]);
    expect(file.requirements[2]?.pathExtras).toEqual(["web"]);
    expect(file.requirements[4]).toMatchObject({
      hashes: [`sha256:${digest}`, `sha384:${"b".repeat(96)}`],
      line: 9,
    });
  });

  it("name file and line of what is wrong", async () => {
    const failing = async (text: string, others = {}) => {
      const space = await workspace({ "requirements.txt": text, ...others });
      return readRequirementsFile(join(space.project, "requirements.txt"), space.project, space.ctx);
    };
    await expect(failing("a\n\nb==\n")).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /requirements\.txt:3: /,
    });
    await expect(failing("--unknown x\n")).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /:1: --unknown/,
    });
    await expect(failing("-r missing.txt\n")).rejects.toMatchObject({
      code: "INPUT_UNREADABLE",
      message: /missing\.txt, named in .*requirements\.txt/,
    });
    await expect(failing("-r a.txt\n", { "a.txt": "-r requirements.txt\n" })).rejects.toMatchObject({
      message: /includes itself/,
    });
    await expect(failing("-r https://index.invalid/r.txt\n")).rejects.toMatchObject({ message: /is remote/ });
  });

  it("lose no line and invent none, however they are cut", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.boolean(), fc.boolean()), { maxLength: 12 }), (lines) => {
        const text = lines.map(
          ([name, split, comment]) => `${name}${split ? " \\\n  ==1" : ""}${comment ? " # x" : ""}\n`,
        );
        const found = logicalLines(text.join("")).map((line) => line.text.replaceAll(/\s+/g, ""));
        expect(found).toEqual(lines.map(([name, split]) => `${name}${split ? "==1" : ""}`));
      }),
    );
  });

  it("are a lock only with hashes everywhere, or with --no-deps", async () => {
    const kind = async (text: string) => {
      const space = await workspace({ "requirements.txt": text });
      const { lock, loose } = await readPythonDependencies(space.project, {}, space.ctx);
      expect(lock === undefined).not.toBe(loose === undefined);
      return lock === undefined ? "loose" : "lock";
    };
    const hashed = `a==1 --hash=sha256:${digest}\n`;
    expect(await kind(hashed)).toBe("lock");
    expect(await kind(`${hashed}-e .\n`)).toBe("lock");
    expect(await kind(`${hashed}b==1\n`)).toBe("loose");
    expect(await kind("a==1\nb==2\n")).toBe("loose");
    expect(await kind("--no-deps\na==1\nb==2\n")).toBe("lock");
    expect(await kind("--no-deps\na>=1\n")).toBe("loose");
    expect(await kind(`a==1.* --hash=sha256:${digest}\n`)).toBe("loose");
    await expect(kind(`--require-hashes\n${hashed}b==1\n`)).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /:3: --require-hashes/,
    });
  });
});
