import type { List, Node } from "./syntax.ts";
import { isKnown, unknown } from "./unknown.ts";
import type { Variables } from "./variables.ts";

/** `[`, `grep` and their like: whether they hold is what they are asked for. */
export function isTest(node: Node | undefined): boolean {
  const last = node?.kind === "pipeline" ? node.commands.at(-1) : node;
  return (
    last?.kind === "simple" && /^(?:\[|\[\[|test|grep|egrep|command|which)$/.test(last.words[0]?.raw ?? "")
  );
}

/** Whether something other than the script's end follows a command of a list after `||`. */
export function failureIsTaken({ items }: List, index: number): boolean {
  for (let at = index + 1; at < items.length && at < index + 20; at++) {
    const { operator, node } = items[at] ?? {};
    if (operator === "||") return node !== undefined && !endsScript(node);
    if (operator !== "&&") return false;
  }
  return false;
}

function endsScript(node: Node): boolean {
  if (node.kind === "simple") return /^(?:exit|false|return)$/.test(node.words[0]?.raw ?? "");
  const items = node.kind === "group" ? node.body.items : node.kind === "list" ? node.items : [];
  const last = items.at(-1)?.node;
  return last !== undefined && last !== node && endsScript(last);
}

/** What is the same in both stays known. */
export function merged(a: Variables, b: Variables): Variables {
  if (a === b) return a;
  const result = new Map<string, string>();
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const value = a.get(name);
    result.set(name, value !== undefined && value === b.get(name) ? value : unknown);
  }
  return result;
}

/** The script of `sh -c '…'`, of `eval` and of commands that hand one on. */
export function innerScript(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((word) =>
    /^(?:\/bin\/|\/usr\/bin\/)?(?:(?:ba|da|a|z)?sh|su|runuser)$/.test(word),
  );
  if (argv[0] === "eval") return argv.length > 100 ? undefined : argv.slice(1).join(" ");
  if (at < 0 || at > 4) return undefined;
  const flag = argv.findIndex((word, index) => index > at && /^(?:-[a-z]*c|--command)$/.test(word));
  return flag < 0 ? undefined : argv[flag + 1];
}

/** Plain words that a condition compares with. */
export function literalsOf(condition: List): string[] {
  const literals: string[] = [];
  for (const { node } of condition.items) {
    const commands = node.kind === "pipeline" ? node.commands : [node];
    for (const command of commands) {
      if (command.kind !== "simple") continue;
      for (const { parts } of command.words.slice(1)) {
        const text = parts.map((part) => (part.kind === "text" ? part.text : unknown)).join("");
        if (isKnown(text)) literals.push(text);
      }
    }
  }
  return literals;
}
