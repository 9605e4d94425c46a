import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { check } from "../../../src/api/check.ts";
import { createNodeHost } from "../../../src/host/node-host.ts";

const directory = mkdtempSync(join(tmpdir(), "anyarch-wheels-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

it("003-07 lists the Python packages that have no wheel for a target, asking the configured index", async () => {
  writeFileSync(
    join(directory, "requirements.txt"),
    "requests==2.32.3\nmysqlclient==2.2.4\norjson==3.10.7\n",
  );
  writeFileSync(
    join(directory, "Dockerfile"),
    "FROM scratch AS x\nFROM scratch\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n",
  );
  const host = createNodeHost({ cwd: directory, cacheDir: join(directory, ".cache") });
  try {
    const { findings } = await check({ online: true }, { host });
    const said = findings.filter(({ rule }) => rule === "pip-sdist-build-likely");
    expect(said).toMatchObject([
      { severity: "info", line: 4, platforms: ["linux/amd64"] },
      { severity: "info", line: 4, platforms: ["linux/arm64"] },
    ]);
    expect(said.map(({ message }) => message)).toEqual([
      "mysqlclient 2.2.4 has no wheel for linux/amd64: pip compiles it.",
      "mysqlclient 2.2.4 has no wheel for linux/arm64: pip compiles it.",
    ]);
    expect(said[0]?.fix).toContain("gcc g++ make python3-dev");
  } finally {
    await host.close();
  }
});
