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
import type { Unmatched } from "../../shell/trace.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";

/** `case` over an architecture without a branch for it and without a default. */
function unmatchedOf(
  model: DockerfileModel,
): { readonly place: Place; readonly unmatched: Unmatched; readonly line: number }[] {
  return placesOf(model)
    .filter(({ view }) => isNative(view))
    .flatMap((place) =>
      (place.at.trace?.unmatched ?? [])
        .filter(
          ({ node, subject }) =>
            overArchitecture(node.items, subject) && assigns(node.items) && isNeeded(place, node.items),
        )
        .map((unmatched) => ({ place, unmatched, line: lineAt(place, unmatched.at) })),
    );
}

type Items = Unmatched["node"]["items"];

function overArchitecture(items: Items, subject: string): boolean {
  const patterns = items.flatMap((item) => item.patterns.map(({ raw }) => raw));
  return archNames(subject).length > 0 && patterns.some((pattern) => archNames(pattern).length > 0);
}

/** A single branch may only add something; unless what it sets is part of a file's name or address. */
function isNeeded({ model, instruction }: Place, items: Items): boolean {
  if (items.length > 1) return true;
  const text = model.script(instruction)?.text ?? "";
  const names = items.flatMap(({ body }) =>
    body.items.flatMap(({ node }) =>
      node.kind === "simple" ? node.assignments.map(({ name }) => name) : [],
    ),
  );
  return names.some((name) =>
    new RegExp(`[/.=_-]["']?\\$\\{?${name}\\b|\\$\\{?${name}\\}?["']?[/._-]`).test(text),
  );
}

/** Whether every branch sets a variable: something that is meant for every architecture. */
function assigns(items: Items): boolean {
  return items.every(({ body }) =>
    body.items.some(
      ({ node }) =>
        node.kind === "simple" &&
        (node.assignments.length > 0 || ["export", "echo"].includes(node.words[0]?.raw ?? "")),
    ),
  );
}
