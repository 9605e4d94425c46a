import { archNames } from "../../dockerfile/arch-names.ts";
import { stopsOf } from "../../dockerfile/stops.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "arch-case-missing-target",
  severity: "error",
  title: "A choice by architecture has no branch for a target",
  why: "The target falls into the branch that ends the build, or into none at all, and the variable that the branches set stays empty.",
  fix: "Add the branch with its file name and checksum, or say plainly that the target isn't supported.",
  bad: [
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) A=x64 ;; *) echo "unsupported" >&2; exit 1 ;; esac && curl -fsSLO https://dl.example.com/tool-$A.tgz\n',
    'FROM debian:12\nRUN case "$(uname -m)" in x86_64) A=x64 ;; armv7l) A=arm ;; esac && curl -fsSLO https://dl.example.com/tool-$A.tgz\n',
  ],
  good: [
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) A=x64 ;; arm64) A=arm64 ;; *) exit 1 ;; esac && curl -fsSLO https://dl.example.com/tool-$A.tgz\n',
    'FROM debian:12\nRUN case "$1" in start) true ;; *) exit 1 ;; esac\n',
  ],
  mentions: /\b(?:case|elif|exit|false|return)\b/,
  check(model, report) {
    for (const { line, architecture, explicit, constructLine } of stopsOf(model)) {
      if (explicit) continue;
      report({
        line: constructLine,
        endLine: Math.max(line, constructLine),
        message: `No branch is for ${architecture}: the build ends in the one for everything else.`,
        architectures: [architecture],
      });
    }
    for (const { place, unmatched, line } of unmatchedOf(model)) {
      const architecture = place.view.scenario.target.architecture;
      report({
        line,
        message: `No branch is for ${architecture} (${unmatched.subject || "nothing"}) and there is no default: what the branches set stays unset.`,
        architectures: [architecture],
      });
    }
  },
};

import { lineAt, type Place, placesOf, isNative } from "../../dockerfile/uses.ts";
import type { List } from "../../shell/syntax.ts";
import type { Unmatched } from "../../shell/trace.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";

/** A choice over an architecture without a branch for it and without a default. */
function unmatchedOf(
  model: DockerfileModel,
): { readonly place: Place; readonly unmatched: Unmatched; readonly line: number }[] {
  return placesOf(model)
    .filter(({ view }) => isNative(view))
    .flatMap((place) =>
      (place.at.trace?.unmatched ?? [])
        .filter(
          (unmatched) => overArchitecture(unmatched) && assigns(unmatched) && isNeeded(place, unmatched),
        )
        .map((unmatched) => ({ place, unmatched, line: lineAt(place, unmatched.at) })),
    );
}

function overArchitecture({ kind, subject, branches }: Unmatched): boolean {
  const named = branches.filter(({ literals }) => literals.some((text) => archNames(text).length > 0)).length;
  return kind === "case" ? archNames(subject).length > 0 && named > 0 : named === branches.length;
}

/**
 * Whether something stays empty. A single branch, or an `if`, may only add something: there what is set must be part
 * of a file's name or address.
 */
function isNeeded({ model, instruction }: Place, { kind, branches, variables }: Unmatched): boolean {
  const all = branches.flatMap(({ body }) => namesSet(body));
  const names = all.filter((name) => (variables.get(name) ?? "") === "");
  if (names.length === 0) return all.length === 0 && kind === "case" && branches.length > 1;
  if (kind === "case" && branches.length > 1) return true;
  const text = model.script(instruction)?.text ?? "";
  return names.some((name) =>
    new RegExp(
      `[/.=_-]["']?\\$\\{?${name}\\b|\\$\\{?${name}\\}?["']?[/._-]|(?:curl|wget)[^\\n;&|]{0,200}\\$\\{?${name}\\b`,
    ).test(text),
  );
}

/** Names of variables that a branch sets. */
function namesSet({ items }: List): string[] {
  return items.flatMap(({ node }) => {
    if (node.kind !== "simple") return [];
    const exported = /^(?:export|declare|local|readonly)$/.test(node.words[0]?.raw ?? "")
      ? node.words.slice(1)
      : [];
    return [
      ...node.assignments.map(({ name }) => name),
      ...exported.flatMap(({ raw }) => /^([A-Za-z_]\w*)=/.exec(raw)?.[1] ?? []),
    ];
  });
}

/** Whether every branch sets a variable, or prints: something that is meant for every architecture. */
function assigns({ branches }: Unmatched): boolean {
  return branches.every(
    ({ body }) =>
      namesSet(body).length > 0 ||
      body.items.some(({ node }) => node.kind === "simple" && node.words[0]?.raw === "echo"),
  );
}
