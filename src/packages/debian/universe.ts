import { AnyarchError } from "../../errors/error.ts";
import type { PackageIndex } from "./package-index.ts";
import { parseRelations, type Relation, type RelationGroup } from "./relation.ts";
import { compareVersions, versionSatisfies } from "./version.ts";

/** One version of one binary package, as a Packages index has it. */
export interface BinaryPackage {
  readonly name: string;
  readonly version: string;
  /** A Debian architecture, or "all". */
  readonly architecture: string;
  readonly multiArch: string | undefined;
  readonly essential: boolean;
  readonly important: boolean;
  /** 1 required … 5 extra, as apt counts. */
  readonly priority: number;
  readonly provides: readonly Relation[];
  /** Pre-Depends, then Depends. */
  readonly depends: readonly RelationGroup[];
  /** Conflicts and Breaks. */
  readonly conflicts: readonly Relation[];
  /** Path below the mirror. */
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly index: PackageIndex;
}

interface Stanza {
  readonly index: PackageIndex;
  readonly start: number;
  readonly end: number;
}

const priorities = ["required", "important", "standard", "optional", "extra"];

/** All packages of one architecture that the sources offer. Stanzas are parsed when they are asked for. */
export class PackageUniverse {
  readonly architecture: string;
  readonly #indices: readonly PackageIndex[];
  readonly #stanzas = new Map<string, Stanza[]>();
  readonly #providers = new Map<string, Set<string>>();
  readonly #candidates = new Map<string, BinaryPackage | undefined>();
  readonly #mentions = new Map<string, number>();

  /** `indices` in the order of the sources. */
  constructor(architecture: string, indices: readonly PackageIndex[]) {
    this.architecture = architecture;
    this.#indices = indices;
    for (const index of indices) this.#scan(index);
  }

  #scan(index: PackageIndex): void {
    const { text } = index;
    let provides = text.indexOf("\nProvides: ");
    for (let start = 0; start < text.length;) {
      let end = text.indexOf("\n\n", start);
      if (end < 0) end = text.length;
      const name = nameOf(text, start, end);
      if (name !== "") append(this.#stanzas, name, { index, start, end });
      if (provides >= 0 && provides < start) provides = text.indexOf("\nProvides: ", start);
      if (provides >= 0 && provides < end) {
        const line = text.slice(provides + 11, lineEnd(text, provides + 1));
        for (const [, virtual = ""] of line.matchAll(/(?:^|,)\s*([^\s,(:]+)/g)) {
          const known = this.#providers.get(virtual);
          if (known === undefined) this.#providers.set(virtual, new Set([name]));
          else known.add(name);
        }
      }
      start = end + 2;
    }
  }

  /** The version that apt would install: of those with the highest pin the newest, from the first source. */
  candidate(name: string): BinaryPackage | undefined {
    if (this.#candidates.has(name)) return this.#candidates.get(name);
    let best: BinaryPackage | undefined;
    for (const stanza of this.#stanzas.get(name) ?? []) {
      const found = parseStanza(stanza);
      if (found.architecture !== this.architecture && found.architecture !== "all") continue;
      const difference =
        best === undefined
          ? 1
          : found.index.release.priority - best.index.release.priority ||
            compareVersions(found.version, best.version);
      if (difference > 0) best = found;
    }
    this.#candidates.set(name, best);
    return best;
  }

  /** Candidates that provide the virtual package `name` in any version. */
  providers(name: string): BinaryPackage[] {
    return [...(this.#providers.get(name) ?? [])]
      .map((provider) => this.candidate(provider))
      .filter((provider) => provider?.provides.some((provided) => provided.name === name))
      .filter((provider) => provider !== undefined);
  }

  /** Candidates that satisfy one relation: the package itself, then providers as apt ranks them. */
  solutions(relation: Relation): BinaryPackage[] {
    const own = this.candidate(relation.name);
    const found = this.providers(relation.name).filter(
      (provider) => provider.name !== relation.name && this.satisfies(provider, relation),
    );
    if (found.length > 1) found.sort((a, b) => this.#compareProviders(a, b));
    return own !== undefined && this.satisfies(own, relation) ? [own, ...found] : found;
  }

  /** Whether `candidate` satisfies `relation`, by its name or by what it provides (Debian Policy 7.5). */
  satisfies(candidate: BinaryPackage, relation: Relation): boolean {
    const { name, qualifier, operator, version } = relation;
    if (qualifier === "any") {
      if (candidate.name !== name || candidate.multiArch !== "allowed") return false;
    } else if (qualifier !== undefined && qualifier !== "native" && qualifier !== this.architecture)
      return false;
    const fits = (offered: string | undefined): boolean =>
      operator === undefined || version === undefined
        ? true
        : offered !== undefined && versionSatisfies(offered, operator, version);
    if (candidate.name === name && fits(candidate.version)) return true;
    return candidate.provides.some((provided) => provided.name === name && fits(provided.version));
  }

  /** apt's order: essential, important, priority, then what its cache met last. */
  #compareProviders(a: BinaryPackage, b: BinaryPackage): number {
    return (
      Number(b.essential) - Number(a.essential) ||
      Number(b.important) - Number(a.important) ||
      a.priority - b.priority ||
      this.#firstMention(b.name) - this.#firstMention(a.name)
    );
  }

  /** Where a name first occurs in the indices, as package or in a relation. */
  #firstMention(name: string): number {
    const known = this.#mentions.get(name);
    if (known !== undefined) return known;
    let before = 0;
    for (const { text } of this.#indices) {
      for (let at = text.indexOf(` ${name}`); at >= 0; at = text.indexOf(` ${name}`, at + 1)) {
        if (!/[\n ,:(|]/.test(text[at + name.length + 1] ?? "\n")) continue;
        this.#mentions.set(name, before + at);
        return before + at;
      }
      before += text.length;
    }
    return before;
  }

  /** Names that look like `name`, for errors. */
  similar(name: string): string[] {
    const close = [...this.#stanzas.keys()].filter(
      (known) => known.startsWith(name) || (known.length > 3 && name.startsWith(known)),
    );
    return close
      .sort((a, b) => Math.abs(a.length - name.length) - Math.abs(b.length - name.length))
      .slice(0, 3);
  }
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function nameOf(text: string, start: number, end: number): string {
  if (text.startsWith("Package: ", start)) return text.slice(start + 9, lineEnd(text, start)).trim();
  return /^Package:\s*(\S+)/m.exec(text.slice(start, end))?.[1] ?? "";
}

function parseStanza({ index, start, end }: Stanza): BinaryPackage {
  const fields = new Map<string, string>();
  for (const line of index.text.slice(start, end).split("\n")) {
    const colon = line.indexOf(":");
    fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const need = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) {
      const place = `${index.release.suite}/${index.component}`;
      throw new AnyarchError("INPUT_INVALID", `A package of ${place} has no field ${name}.`);
    }
    return value;
  };
  return {
    name: need("Package"),
    version: need("Version"),
    architecture: need("Architecture"),
    multiArch: fields.get("Multi-Arch"),
    essential: fields.get("Essential") === "yes",
    important: fields.get("Important") === "yes" || fields.get("Protected") === "yes",
    priority: priorities.indexOf(fields.get("Priority") ?? "extra") + 1 || 5,
    provides: parseRelations(fields.get("Provides")).flat(),
    depends: [...parseRelations(fields.get("Pre-Depends")), ...parseRelations(fields.get("Depends"))],
    conflicts: [
      ...parseRelations(fields.get("Conflicts")).flat(),
      ...parseRelations(fields.get("Breaks")).flat(),
    ],
    filename: need("Filename"),
    size: Number(need("Size")),
    sha256: need("SHA256"),
    index,
  };
}
