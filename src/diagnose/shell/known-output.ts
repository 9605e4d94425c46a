import type { Machine } from "./machine.ts";
import { unknown } from "./unknown.ts";

/** What a program that is asked for the architecture prints; undefined for other commands. */
export function architectureOutput(argv: readonly string[], machine: Machine): string | undefined {
  const [program = "", ...args] = argv;
  const all = args.join(" ");
  switch (program.slice(program.lastIndexOf("/") + 1)) {
    case "uname":
      if (/^-[mpi]$|^--(?:machine|processor|hardware-platform)$/.test(all)) return machine.kernel;
      return all === "" || all === "-s" ? "Linux" : unknown;
    case "arch":
      return args.length === 0 ? machine.kernel : undefined;
    case "dpkg":
      return all === "--print-architecture" ? machine.debian : undefined;
    case "dpkg-architecture":
      if (/DEB_(?:HOST|BUILD|TARGET)_MULTIARCH/.test(all)) return machine.multiarch;
      if (/DEB_(?:HOST|BUILD|TARGET)_GNU_CPU/.test(all)) return machine.multiarch.split("-")[0];
      return /DEB_(?:HOST|BUILD|TARGET)_ARCH\b/.test(all) ? machine.debian : undefined;
    case "apk":
      return all === "--print-arch" ? machine.alpine : undefined;
    case "rpm":
      return /%\{?_?(?:arch|target_cpu|host_cpu)\}?/.test(all) ? machine.kernel : undefined;
    case "gcc":
    case "cc":
    case "clang":
      return /-(?:print-multiarch|dumpmachine)/.test(all) ? machine.multiarch : undefined;
    case "getconf":
      return all === "LONG_BIT" ? (/64|s390x/.test(machine.docker) ? "64" : "32") : undefined;
    case "lscpu":
      return machine.kernel;
    default:
      return undefined;
  }
}

/** Programs whose answer is the machine that they run on. */
export function asksForArchitecture(argv: readonly string[]): boolean {
  const [program = "", ...args] = argv;
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (name === "uname") return args.some((arg) => /^-\w*[mpi]|^--machine/.test(arg));
  if (name === "arch" || name === "dpkg-architecture") return true;
  if (name === "dpkg") return args.includes("--print-architecture");
  if (name === "apk") return args.includes("--print-arch");
  if (name === "rpm") return args.some((arg) => /%\{?_?(?:arch|target_cpu)/.test(arg));
  return name === "gcc" && args.some((arg) => arg === "-dumpmachine" || arg === "-print-multiarch");
}

/**
 * `[ -d /usr/lib/x86_64-linux-gnu ]`: the multiarch directories and loaders of other machines aren't there. Undefined
 * for all else.
 */
export function pathTest(words: readonly string[], { multiarch, kernel }: Machine): boolean | undefined {
  const negated = words[0] === "!";
  const [operator = "", path = "", ...more] = negated ? words.slice(1) : words;
  if (more.length > 0 || !/^-[defLsrx]$/.test(operator) || path.length > 500) return undefined;
  const named =
    /\/((?:x86_64|i386|aarch64|arm|powerpc64le|s390x|riscv64)-linux-gnu\w*)(?:\/|$)/.exec(path)?.[1] ??
    /\/ld-(?:linux|musl)-(x86[-_]64|aarch64|armhf)\.so/.exec(path)?.[1]?.replace("-", "_");
  if (named === undefined) return undefined;
  const own = named === multiarch || named === kernel || (named === "armhf" && kernel.startsWith("armv7"));
  if (!own) return negated;
  return /^\/(?:usr\/)?lib\/[\w-]+\/?$/.test(path) ? !negated : undefined;
}

/** What `echo` and `printf` print. */
export function printed(argv: readonly string[]): string {
  const [program, ...args] = argv;
  if (program === "echo") {
    while (/^-[neE]+$/.test(args[0] ?? "")) args.shift();
    return args.join(" ").replaceAll("\\n", "\n");
  }
  const [format = "", ...values] = args[0] === "--" ? args.slice(1) : args;
  let next = 0;
  return format
    .replaceAll(/%[sdb]/g, () => values[next++] ?? "")
    .replaceAll("\\n", "\n")
    .replaceAll("%%", "%");
}

/** What `go env -w NAME=VALUE …` sets for every later go. */
export function goAssignments(argv: readonly string[]): [name: string, value: string][] {
  if (argv[0] !== "go" || argv[1] !== "env" || argv[2] !== "-w") return [];
  return argv.slice(3, 40).flatMap((word): [string, string][] => {
    const equals = word.indexOf("=");
    return equals > 0 ? [[word.slice(0, equals), word.slice(equals + 1)]] : [];
  });
}
