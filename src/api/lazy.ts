import type * as benching from "./bench.ts";
import type * as caching from "./cache.ts";
import type * as checking from "./check.ts";
import type * as integrating from "./ci.ts";
import type * as copying from "./copy.ts";
import type * as examining from "./doctor.ts";
import type * as explaining from "./explain.ts";
import type * as inspecting from "./inspect.ts";
import type * as requiring from "./requirements.ts";
import type { Rule } from "./rules.ts";
import type * as running from "./run.ts";
import type * as testing from "./test.ts";
import type * as verifying from "./verify.ts";

/*
 * The front door's functions, whose code is loaded with their first call: importing anyarch, and `anyarch build
 * --help`, cost neither the registry's client nor what reads images. build() does so by itself.
 */

/** Copies an image or index with all it refers to, byte for byte; see api/copy.ts. */
export const copy: typeof copying.copy = async (...args) => (await import("./copy.ts")).copy(...args);

/** Makes one index of images and indexes that exist, and pushes it; see api/copy.ts. */
export const createIndex: typeof copying.createIndex = async (...args) =>
  (await import("./copy.ts")).createIndex(...args);

/** Reads an image, index, layout or archive; see api/inspect.ts. */
export const inspect: typeof inspecting.inspect = async (...args) =>
  (await import("./inspect.ts")).inspect(...args);

/** The bytes of a manifest or index as they are; see api/inspect.ts. */
export const inspectRaw: typeof inspecting.inspectRaw = async (...args) =>
  (await import("./inspect.ts")).inspectRaw(...args);

/** Compares every ELF file of every layer with the platform that the image names; see api/verify.ts. */
export const verify: typeof verifying.verify = async (...args) =>
  (await import("./verify.ts")).verify(...args);

/** Says what is in the cache; see api/cache.ts. */
export const cacheReport: typeof caching.cacheReport = async (...args) =>
  (await import("./cache.ts")).cacheReport(...args);

/** Removes from the cache what was not used lately; see api/cache.ts. */
export const pruneCache: typeof caching.pruneCache = async (...args) =>
  (await import("./cache.ts")).pruneCache(...args);

/** Checks Dockerfiles for what goes wrong on other platforms; see api/check.ts. */
export const check: typeof checking.check = async (...args) => (await import("./check.ts")).check(...args);

/** Every rule of check; see api/check.ts. */
export const checkRules = async (): Promise<readonly checking.CheckRule[]> =>
  (await import("./check.ts")).checkRules();

/** Says from a failed build's log what is the matter; see api/explain.ts. */
export const explain: typeof explaining.explain = async (...args) =>
  (await import("./explain.ts")).explain(...args);

/** What explain finds in logs and check in Dockerfiles; see api/rules.ts. */
export const rules = async (): Promise<readonly Rule[]> => (await import("./rules.ts")).rules();

/** Examines a machine, and repairs it; see api/doctor.ts. */
export const doctor: typeof examining.doctor = async (...args) =>
  (await import("./doctor.ts")).doctor(...args);

/** Runs a command in an image of any platform; see api/run.ts. */
export const run: typeof running.run = async (...args) => (await import("./run.ts")).run(...args);

/** Makes checks in an image on all of its platforms; see api/test.ts. */
export const test: typeof testing.test = async (...args) => (await import("./test.ts")).test(...args);

/** Measures an image's command or a directory's build on several platforms; see api/bench.ts. */
export const bench: typeof benching.bench = async (...args) => (await import("./bench.ts")).bench(...args);

/** Writes a CI workflow; see api/ci.ts. */
export const ciWorkflow: typeof integrating.ciWorkflow = async (...args) =>
  (await import("./ci.ts")).ciWorkflow(...args);

/** What machines an image needs, and where there are such; see api/requirements.ts. */
export const requirements: typeof requiring.requirements = async (...args) =>
  (await import("./requirements.ts")).requirements(...args);

/** The report of requirements() as a section of a README; see deploy/markdown.ts. */
export const requirementsMarkdown = async (
  report: Parameters<typeof requiring.requirementsMarkdown>[0],
): Promise<string> => (await import("./requirements.ts")).requirementsMarkdown(report);

/** Puts that section into a document; see api/requirements.ts. */
export const writeRequirements: typeof requiring.writeRequirements = async (...args) =>
  (await import("./requirements.ts")).writeRequirements(...args);
