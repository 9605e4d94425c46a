import { AnyarchError } from "../../errors/error.ts";
import { formatGroup, type Relation, type RelationGroup } from "./relation.ts";
import type { BinaryPackage, PackageUniverse } from "./universe.ts";

/**
 * The packages that `apt-get install --no-install-recommends` would install on a system without any package:
 * the requested ones and the closure of Pre-Depends and Depends, sorted by name. Follows apt's own order
 * (requested first, then depth first; of alternatives what is chosen already, else the first that can be
 * installed). Throws DEBIAN_PACKAGE_MISSING and DEBIAN_UNSATISFIABLE.
 */
export function solve(universe: PackageUniverse, requested: readonly string[]): BinaryPackage[] {
  return new Solver(universe).solve(requested);
}

class Solver {
  readonly #universe: PackageUniverse;
  readonly #chosen = new Map<string, BinaryPackage>();
  /** Why a package can't be installed; once failed, apt doesn't consider it again. */
  readonly #failures = new Map<string, string>();

  constructor(universe: PackageUniverse) {
    this.#universe = universe;
  }

  solve(requested: readonly string[]): BinaryPackage[] {
    const wanted = requested.map((name) => this.#find(name));
    for (const one of wanted) {
      if (this.#chosen.has(one.name)) continue;
      const conflict = this.#conflict(one);
      if (conflict !== undefined) throw unsatisfiable(one.name, conflict, this.#universe.architecture);
      this.#chosen.set(one.name, one);
    }
    for (const one of wanted) {
      const failure = this.#expand(one);
      if (failure !== undefined) throw unsatisfiable(one.name, failure, this.#universe.architecture);
    }
    return [...this.#chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #find(name: string): BinaryPackage {
    const own = this.#universe.candidate(name);
    if (own !== undefined) return own;
    const providers = this.#universe.providers(name);
    if (providers.length === 1 && providers[0] !== undefined) return providers[0];
    const where = `for ${this.#universe.architecture}`;
    if (providers.length > 1) {
      const names = providers.map((provider) => provider.name).sort();
      throw new AnyarchError("DEBIAN_PACKAGE_MISSING", `"${name}" is a virtual package ${where}.`, {
        hint: `Name the one you want: ${names.join(", ")}.`,
        details: { package: name, architecture: this.#universe.architecture, providers: names },
      });
    }
    const similar = this.#universe.similar(name);
    throw new AnyarchError("DEBIAN_PACKAGE_MISSING", `The suite has no package "${name}" ${where}.`, {
      hint:
        similar.length > 0
          ? `Did you mean ${similar.join(" or ")}? Else look at the spelling, the suite and its components.`
          : "Look at the spelling, the suite and its components; not every package exists for every architecture.",
      details: { package: name, architecture: this.#universe.architecture },
    });
  }

  /** Adds what `one` needs; on failure takes back what it added and says why. */
  #expand(one: BinaryPackage): string | undefined {
    for (const group of one.depends) {
      if (this.#satisfied(group)) continue;
      const failure = this.#installOneOf(group);
      if (failure !== undefined) return `${one.name} needs ${formatGroup(group)}, ${failure}`;
    }
    return undefined;
  }

  #satisfied(group: RelationGroup): boolean {
    return group.some((relation) => {
      const own = this.#chosen.get(relation.name);
      if (own !== undefined && this.#universe.satisfies(own, relation)) return true;
      return this.#universe
        .providers(relation.name)
        .some((provider) => this.#chosen.has(provider.name) && this.#universe.satisfies(provider, relation));
    });
  }

  #installOneOf(group: RelationGroup): string | undefined {
    const solutions = group.flatMap((relation) => this.#universe.solutions(relation));
    let why: string | undefined;
    for (const solution of solutions) {
      const failure = this.#install(solution);
      if (failure === undefined) return undefined;
      why ??= failure;
    }
    return why === undefined ? this.#whyNone(group) : `but ${why}`;
  }

  #whyNone(group: RelationGroup): string {
    const [first] = group;
    const candidate = first === undefined ? undefined : this.#universe.candidate(first.name);
    return candidate === undefined
      ? "which the suite doesn't have"
      : `but the suite has ${candidate.name} ${candidate.version}`;
  }

  #install(one: BinaryPackage): string | undefined {
    if (this.#chosen.has(one.name)) return undefined;
    const known = this.#failures.get(one.name);
    if (known !== undefined) return known;
    const before = this.#chosen.size;
    const conflict = this.#conflict(one);
    let failure = conflict;
    if (failure === undefined) {
      this.#chosen.set(one.name, one);
      failure = this.#expand(one);
    }
    if (failure === undefined) return undefined;
    for (const name of [...this.#chosen.keys()].slice(before)) this.#chosen.delete(name);
    this.#failures.set(one.name, failure);
    return failure;
  }

  #conflict(one: BinaryPackage): string | undefined {
    for (const other of this.#chosen.values()) {
      if (other.name === one.name) continue;
      if (this.#excludes(one, other)) return `${one.name} conflicts with ${other.name}`;
      if (this.#excludes(other, one)) return `${other.name} conflicts with ${one.name}`;
    }
    return undefined;
  }

  #excludes(one: BinaryPackage, other: BinaryPackage): boolean {
    return one.conflicts.some((relation: Relation) => {
      const quick = other.name === relation.name || other.provides.some(({ name }) => name === relation.name);
      const { qualifier, ...anyArchitecture } = relation;
      const wide = qualifier === "any" ? anyArchitecture : relation;
      return quick && this.#universe.satisfies(other, wide);
    });
  }
}

function unsatisfiable(name: string, why: string, architecture: string): AnyarchError {
  return new AnyarchError("DEBIAN_UNSATISFIABLE", `${name} can't be installed for ${architecture}: ${why}.`, {
    hint: "Leave out one of the packages that exclude each other, or check that the suite's updates and components are among the sources.",
    details: { package: name, architecture },
  });
}
