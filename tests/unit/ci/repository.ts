import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { type CiOptions, ciWorkflow } from "../../../src/index.ts";
import { createNodeHost } from "../../../src/host/node-host.ts";

export interface TestStep {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

export interface TestJob {
  readonly [key: string]: unknown;
  readonly steps: readonly TestStep[];
}

export interface TestWorkflow {
  readonly [key: string]: unknown;
  readonly env: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, TestJob>>;
}

/** A repository with these files, in which workflows are made. */
export class TestRepository implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "anyarch-ci-"));

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(join(this.path, ".git"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, name)), { recursive: true });
      writeFileSync(join(this.path, name), text);
    }
  }

  async text(options: Partial<CiOptions> = {}): Promise<string> {
    const host = createNodeHost({ cwd: this.path });
    try {
      return (await ciWorkflow({ service: "github", ...options }, { host })).text;
    } finally {
      await host.close();
    }
  }

  /** The workflow as GitHub reads it. */
  async workflow(options: Partial<CiOptions> = {}): Promise<TestWorkflow> {
    return parse(await this.text(options)) as TestWorkflow;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}
