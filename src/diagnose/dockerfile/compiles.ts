import { option, type Use, variable } from "./uses.ts";
import { isKnown } from "../shell/unknown.ts";

/** A command that makes native code. */
export interface Compile {
  readonly tool: string;
  /** True where something in the command or its environment names the target. */
  readonly cross: boolean;
  /** True where the compile takes long under emulation. */
  readonly heavy: boolean;
  /** Where the result goes, where the command says so. */
  readonly output?: string;
}

const compilers =
  /^(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|rustc|ghc|fpc|dmd|ldc2|nim|crystal|v|gfortran|nasm)(?:-[\d.]+)?$/;
const builders =
  /^(?:make|gmake|ninja|cmake|meson|scons|bazel|bazelisk|swift|zig|stack|cabal|dune|opam|mix|rebar3|xmake|dub|shards|lein-native|native-image|pyinstaller|nuitka|pkg|nexe)$/;

/** What `use` compiles; undefined where it makes no native code. */
export function compileOf(use: Use): Compile | undefined {
  const { program, args } = use;
  const [verb = ""] = args;
  if (program === "go") return goCompile(use);
  if (program === "cargo" || program === "cross") {
    if (
      !/^(?:build|install|rustc|b|chef|zigbuild|auditable|leptos|xwin|ndk)$/.test(verb) ||
      (verb === "chef" && !args.includes("cook"))
    )
      return undefined;
    const target = option(args, "--target") ?? variable(use, "CARGO_BUILD_TARGET");
    return { tool: "cargo", cross: target !== undefined || verb === "zigbuild", heavy: true };
  }
  if (program === "xx-cargo" || program === "xx-go" || program.startsWith("xx-")) return undefined;
  if (
    compilers.test(program) &&
    args.some((word) => /\.(?:c|cc|cpp|cxx|rs|hs|d|nim|cr|f90|s|asm)$|^-o$/.test(word))
  ) {
    const target = targetOf(args);
    // Byte code for a virtual machine is the same everywhere.
    if (/^(?:bpf|wasm|nvptx|spir|amdgcn)/.test(target ?? "")) return undefined;
    const output = option(args, "-o");
    return {
      tool: program,
      cross: target !== undefined || args.some((word) => word.startsWith("--sysroot")),
      heavy: false,
      ...(output !== undefined && { output }),
    };
  }
  if ((program === "deno" && verb === "compile") || (program === "bun" && args.includes("--compile"))) {
    const output = option(args, "-o", "--output", "--outfile");
    const cross = option(args, "--target") !== undefined;
    return { tool: program, cross, heavy: false, ...(output !== undefined && { output }) };
  }
  if (
    /^(?:mvnw?|gradlew?)$/.test(program) &&
    args.some((word) => /^-Pnative\b|^native(?:Compile|Build)$|native:compile/.test(word))
  )
    return { tool: program, cross: false, heavy: true };
  if (builders.test(program)) return builderCompile(use);
  return undefined;
}

/** `-target X`, `--target X` and `--target=X`; rustc's, clang's and zig's own. */
function targetOf(args: readonly string[]): string | undefined {
  return option(args, "--target", "-target", "-mtriple");
}

/** Where `go install MODULE@VERSION` or `./PATH` puts its program: tools of the build itself stay there. */
function installedProgram(use: Use): string | undefined {
  const { args, executed } = use;
  const module = args[0] === "install" ? args.find((word) => /^\.\/[\w./-]*\w$|@/.test(word)) : undefined;
  if (module === undefined || module.includes("...")) return undefined;
  const path = (module.split("@", 1)[0] ?? "").replace(/\/v\d+$/, "");
  const directory = executed.variables.get("GOBIN") ?? `${executed.variables.get("GOPATH") ?? "/go"}/bin`;
  return `${directory}/${path.slice(path.lastIndexOf("/") + 1)}`;
}

function goCompile(use: Use): Compile | undefined {
  const { args } = use;
  const [verb = ""] = args;
  if (verb !== "build" && verb !== "install") return undefined;
  const goarch = variable(use, "GOARCH");
  const goos = variable(use, "GOOS");
  if (
    goos === "js" ||
    goos === "wasip1" ||
    goarch === "wasm" ||
    args.some((word) => word === "-buildmode=archive")
  )
    return undefined;
  const output = option(args, "-o") ?? installedProgram(use);
  return {
    tool: "go",
    cross: goarch !== undefined && goarch !== "",
    heavy: false,
    ...(output !== undefined && { output }),
  };
}

/** Emscripten's builds make WebAssembly. */
function isForBrowsers({ stage, model, instruction }: Use): boolean {
  return (
    /emscripten|emsdk/.test(stage.base) ||
    /\bem(?:cmake|make|configure)\b/.test(model.script(instruction)?.text ?? "")
  );
}

function builderCompile(use: Use): Compile | undefined {
  const { program, args, executed } = use;
  const [verb = ""] = args;
  if (isForBrowsers(use)) return undefined;
  if (program === "cmake" && !args.includes("--build") && !args.includes("--install")) return undefined;
  if (/^(?:swift|zig|stack|cabal|dune)$/.test(program) && !/^(?:build|install|build-exe)$/.test(verb))
    return undefined;
  if (
    /^g?make$/.test(program) &&
    args.some((word) =>
      /^(?:test|lint|check|fmt|vet|format|clean|deps|download|vendor|generate|docs?|verify|proto\w*|tidy|ui|web|frontend|assets|static)(?:[-_/]|$)/.test(
        word,
      ),
    )
  )
    return undefined;
  if (program === "mix" && verb !== "release") return undefined;
  const env = [...executed.variables.entries()].some(
    ([name, value]) =>
      /^(?:CC|CXX|CROSS_COMPILE|CMAKE_TOOLCHAIN_FILE|GOARCH|HOST|CHOST)$/.test(name) &&
      value !== "" &&
      isKnown(value),
  );
  const named = args.some((word) =>
    /--?target\b|--triple|-triplet|TRIPLET|--swift-sdk|-Dtarget|TOOLCHAIN|CROSS|--cross-file|--config=|--platforms|ARCH=|PLATFORM=|CC=|HOST=/i.test(
      word,
    ),
  );
  return {
    tool: program,
    cross: env || named,
    heavy: /^(?:make|ninja|cmake|bazel|swift|stack|native-image)$/.test(program),
  };
}
