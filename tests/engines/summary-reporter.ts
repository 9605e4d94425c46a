import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

/** What `npm test` wants to know of a test run. */
export interface Summary {
  readonly passed: number;
  /** Tests, files that could not be loaded, and errors outside of tests. */
  readonly failed: number;
  readonly skipped: number;
  /** Reason → number of tests; a test that says none counts for "no reason given". */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Where the summary is written to, as JSON. */
export const summaryVariable = "ANYARCH_TEST_SUMMARY";

/** From `ctx.skip(reason)`, else the name of the first suite around it that `describeWith` skipped. */
function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === "skipped" && result.note !== undefined) return result.note;
  for (let suite: TestSuite | TestModule = test.parent; suite.type === "suite"; suite = suite.parent) {
    const reason = /\(without (.+)\)$/.exec(suite.name)?.[1];
    if (reason !== undefined) return reason;
    if (suite.errors().length > 0) return "a hook failed";
  }
  return "no reason given";
}

/** Failures of suites and files that are no test's own: hooks, imports. */
function brokenParts(module: TestModule): number {
  const suites = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  return suites.length + (module.errors().length > 0 ? 1 : 0);
}

/**
 * A vitest reporter that counts and writes a {@link Summary} at the end, for scripts/test.ts.
 * @public
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    const reasons: Record<string, number> = {};
    for (const module of modules) {
      counts.failed += brokenParts(module);
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed++;
        else if (state === "skipped") {
          counts.skipped++;
          const reason = reasonOf(test);
          reasons[reason] = (reasons[reason] ?? 0) + 1;
        } else counts.failed++; // A pending one, too: the run ended before it did.
      }
    }
    const path = process.env[summaryVariable];
    const summary: Summary = { ...counts, reasons };
    if (path !== undefined) writeFileSync(path, JSON.stringify(summary));
  }
}
