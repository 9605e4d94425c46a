import { resolve } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import type { Lock, LockedPackage, LockedSet } from "./lock.ts";
import { evaluateMarker, type MarkerEnvironment } from "./marker.ts";
import { normalizeName } from "./name.ts";
import { markerEnvironment } from "./target.ts";
import type { TomlDocument, TomlTable } from "./toml.ts";
import { readUvNode, type UvEdge, type UvNode } from "./uv-lock-package.ts";

export interface UvLockOptions {
  /** Absolute: the root package is the one whose source is this directory. */
  readonly projectDir: string;
  readonly extras: readonly string[];
  /** Dependency groups; none by default: an image has no use for development tools. */
  readonly groups: readonly string[];
}

/** A uv.lock, and what its root package was when it was locked. */
export interface UvLock extends Lock {
  /** `[package.metadata]` of the root package: `requires-dist`, `requires-dev`, `provides-extras`. */
  readonly rootMetadata: TomlTable;
}

/**
 * Reads a parsed uv.lock (version 1, any revision): the graph of packages is walked per target from the root
 * package, following the edges whose markers hold there. Throws LOCK_INVALID, or LOCK_OUTDATED where an extra
 * or a group asked for isn't in it.
 */
export function readUvLock(document: TomlDocument, options: UvLockOptions): UvLock {
  if (document.root["version"] !== 1)
    throw document.invalid("version", `is ${String(document.root["version"])}; version 1 can be read`);
  const requiresPython = document.string(document.root["requires-python"], "requires-python");
  const nodes = document
    .tables(document.root["package"], "package")
    .map((table) => readUvNode(document, table));
  const root = findRoot(document, nodes, options.projectDir);
  const byName = groupNodes(nodes);
  const start = rootEdges(document, root, options);
  return {
    ...(requiresPython !== undefined && { requiresPython }),
    rootMetadata: root.metadata,
    packagesFor: (target) => {
      const environment = markerEnvironment(target, { extras: conflictNames(root.name, options) });
      return new Walk(document, byName, environment).run(root, start);
    },
  };
}

function groupNodes(nodes: readonly UvNode[]): Map<string, UvNode[]> {
  const groups = new Map<string, UvNode[]>();
  for (const node of nodes) groups.set(node.name, [...(groups.get(node.name) ?? []), node]);
  return groups;
}

/** uv writes extras and groups that were declared as conflicting into markers under these names. */
function conflictNames(root: string, { extras, groups }: UvLockOptions): readonly string[] {
  const encode = (kind: string, name: string): string =>
    `${kind}-${root.length}-${root}-${normalizeName(name)}`;
  return [...extras.map((extra) => encode("extra", extra)), ...groups.map((group) => encode("group", group))];
}

function findRoot(document: TomlDocument, nodes: readonly UvNode[], projectDir: string): UvNode {
  const local = nodes.filter(({ directory }) => directory !== undefined);
  const root =
    local.find(({ directory }) => directory === resolve(projectDir)) ??
    (local.length === 1 ? local[0] : undefined);
  if (root !== undefined) return root;
  throw new AnyarchError("LOCK_OUTDATED", `${document.path} doesn't lock the project in ${projectDir}.`, {
    hint: `It locks ${local.map(({ name }) => name).join(", ") || "no project"}. Run \`uv lock\` there.`,
  });
}

function rootEdges(
  document: TomlDocument,
  root: UvNode,
  { extras, groups }: UvLockOptions,
): readonly UvEdge[] {
  const pick = (kind: string, names: readonly string[], there: UvNode["optional"]): readonly UvEdge[] =>
    names.flatMap((name) => {
      const edges = there.get(normalizeName(name));
      if (edges !== undefined) return edges;
      throw new AnyarchError("LOCK_OUTDATED", `${document.path} has no ${kind} "${name}".`, {
        hint: `It has ${[...there.keys()].join(", ") || "none"}. Run \`uv lock\` after adding it to pyproject.toml.`,
      });
    });
  return [
    ...root.dependencies,
    ...pick("extra", extras, root.optional),
    ...pick("dependency group", groups, root.groups),
  ];
}

/** One walk over the graph for one target. */
class Walk {
  readonly #document: TomlDocument;
  readonly #byName: ReadonlyMap<string, readonly UvNode[]>;
  readonly #environment: MarkerEnvironment;
  readonly #reached = new Map<UvNode, { readonly direct: boolean; readonly marker: string | undefined }>();
  readonly #doneExtras = new Map<UvNode, Set<string>>();
  readonly #excluded = new Map<string, { name: string; version: string; marker: string }>();

  constructor(
    document: TomlDocument,
    byName: ReadonlyMap<string, readonly UvNode[]>,
    environment: MarkerEnvironment,
  ) {
    this.#document = document;
    this.#byName = byName;
    this.#environment = environment;
  }

  run(root: UvNode, start: readonly UvEdge[]): LockedSet {
    this.#reached.set(root, { direct: false, marker: undefined });
    this.#doneExtras.set(root, new Set());
    const queue: { edge: UvEdge; direct: boolean; marker: string | undefined }[] = start.map((edge) => ({
      edge,
      direct: true,
      marker: undefined,
    }));
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { edge, direct } = next;
      const marker = [next.marker, edge.marker].filter(Boolean).join(" and ") || undefined;
      const node = this.#nodeOf(edge);
      if (edge.marker !== undefined && !evaluateMarker(edge.marker, this.#environment)) {
        const version = node?.version ?? edge.version ?? "";
        this.#excluded.set(`${edge.name} ${version}`, { name: edge.name, version, marker: edge.marker });
        continue;
      }
      if (node === undefined)
        throw this.#document.invalid("package", `lacks ${edge.name}, on which others depend`);
      for (const followed of this.#visit(node, edge, direct, marker))
        queue.push({ edge: followed, direct: false, marker });
    }
    this.#reached.delete(root);
    const packages = [...this.#reached].map(([node, { direct, marker }]) =>
      Object.assign(lockedPackage(node), { direct }, marker === undefined ? {} : { marker }),
    );
    const names = new Set(packages.map(({ name, version }) => `${name} ${version}`));
    return {
      packages,
      excluded: [...this.#excluded].filter(([key]) => !names.has(key)).map(([, one]) => one),
    };
  }

  /** The edges to follow that weren't followed yet: the package's own, and those of newly asked extras. */
  #visit(node: UvNode, edge: UvEdge, direct: boolean, marker: string | undefined): UvEdge[] {
    const known = this.#reached.get(node);
    const extras = this.#doneExtras.get(node) ?? new Set();
    this.#doneExtras.set(node, extras);
    const followed = known === undefined ? [...node.dependencies] : [];
    if (known === undefined) this.#reached.set(node, { direct, marker });
    for (const extra of edge.extras) {
      if (extras.has(extra)) continue;
      extras.add(extra);
      followed.push(...(node.optional.get(extra) ?? []));
    }
    return followed;
  }

  /** Forks of one name are told apart by the edge's version and source, then by their own markers. */
  #nodeOf(edge: UvEdge): UvNode | undefined {
    const candidates = (this.#byName.get(edge.name) ?? []).filter(
      ({ version, source }) =>
        (edge.version === undefined || edge.version === version) &&
        (edge.source === undefined || edge.source === source),
    );
    if (candidates.length < 2) return candidates[0];
    return candidates.find(
      ({ markers }) =>
        markers.length === 0 || markers.some((marker) => evaluateMarker(marker, this.#environment)),
    );
  }
}

function lockedPackage(node: UvNode): LockedPackage {
  const {
    source: _s,
    dependencies: _d,
    optional: _o,
    groups: _g,
    markers: _m,
    directory: _dir,
    metadata: _meta,
    ...rest
  } = node;
  return rest;
}
