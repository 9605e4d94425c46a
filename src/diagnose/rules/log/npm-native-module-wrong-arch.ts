import type { LogRule } from "../../log/log-rule.ts";

const machine =
  "(?:linux|darwin|win32|linuxmusl|freebsd|android|openharmony)[-.]?(?:x64|arm64|arm|ia32|ppc64|s390x|riscv64)\\S{0,20}";

export const rule: LogRule = {
  code: "npm-native-module-wrong-arch",
  title: "node_modules (or the lock file) holds native modules of another system, CPU or libc",
  architecture: true,
  patterns: [
    {
      line: /\.node['":]?.{0,80}(?:invalid ELF header|wrong ELF class|cannot open shared object file|Exec format error|not a valid Win32|mach-o)|(?:invalid ELF header|wrong ELF class).{0,120}\.node\b/i,
      score: 94,
    },
    {
      line: /invalid ELF header|wrong ELF class|ELF file's phentsize not the expected size/i,
      near: /node_modules|\.node\b|node:internal/,
      score: 92,
    },
    {
      line: /Error loading shared library ld-(?:linux|musl)\S{1,20}: .{0,60}needed by .{0,200}(?:node_modules|\.node\b)/i,
      score: 94,
    },
    { line: new RegExp(`Cannot find (?:module|package) ['"]?@\\S{1,60}[-/.]${machine}`), score: 94 },
    {
      line: new RegExp(
        `(?:find|resolve|load|require|locate|import) .{0,40}@[\\w.-]{1,40}/[\\w.-]{0,40}[-/.]${machine}|@[\\w.-]{1,40}/[\\w.-]{0,40}[-/.]${machine} .{0,60}(?:not found|does not exist|not installed|is missing)`,
      ),
      nearNot: /optional|EBADPLATFORM|404/,
      score: 86,
    },
    {
      line: /Could not locate the bindings file\. Tried:|Error: Cannot find module '\S{0,120}(?:build\/Release|lib\/binding)\/\S{1,120}\.node'/,
      nearNot: /gyp ERR/,
      score: 76,
      confidence: "likely",
    },
    { line: new RegExp(`Cannot find module ['"]?\\S{0,80}\\.${machine}\\.node`), score: 93 },
    {
      line: new RegExp(
        `Could not load the "sharp" module using the ${machine}|'?${machine}'? binaries cannot be used on the|The package "@\\S{1,60}${machine}" could not be found`,
      ),
      score: 94,
    },
    {
      line: /installed esbuild for another platform|Failed to load native binding|Cannot find native binding|Failed to load SWC binary|npm has a bug related to optional dependencies|was compiled against a different (?:platform|architecture)|No native build was found for platform|did not find the correct binary for your platform|could not find a binary for (?:your|this) platform|prebuilds? for \S+ not found/i,
      score: 92,
    },
    { line: /Something went wrong installing the "sharp" module/, score: 84, confidence: "likely" },
    {
      line: /Exec format error|ENOEXEC|spawn Unknown system error -8/i,
      near: /node_modules|esbuild|\.node\b/,
      score: 82,
      confidence: "likely",
    },
    { line: /Error relocating .{0,160}(?:node_modules|\.node)/, score: 90 },
  ],
  above: [
    "exec-format-error-no-emulation",
    "glibc-vs-musl-mismatch",
    "binary-download-wrong-arch",
    "generic-user-error",
  ],
  why: "The modules were installed elsewhere (node_modules copied from the host or from a stage of another platform), or the lock file was written on another system and lacks the optional packages of this one.",
  fixes: [
    {
      title: "Keep node_modules out of the build context",
      detail: "echo node_modules >> .dockerignore, and install inside the image: RUN npm ci",
    },
    {
      title: "Let the lock file carry all platforms",
      detail:
        "rm -rf node_modules package-lock.json && npm install with a current npm (bug of optional dependencies).\npnpm: supportedArchitectures: {os: [linux], cpu: [x64, arm64], libc: [glibc, musl]}; yarn: the same in .yarnrc.yml.",
    },
    {
      title: "When copying between stages, install for the target",
      detail:
        "A stage FROM --platform=$BUILDPLATFORM installs for the build machine: npm ci --os=linux --cpu=arm64 (--libc=musl) there, or install again in the target stage.",
    },
  ],
  references: ["https://github.com/npm/cli/issues/4828", "https://github.com/rollup/rollup/issues/5170"],
  bad: [
    'Turborepo did not find the correct binary for your platform.\nWe were unable to find "turbo-linux-arm64".',
    'error: Failed to find package "@biomejs/cli-linux-arm64-musl"',
    "Error: Could not locate the bindings file. Tried:\n → /app/node_modules/better-sqlite3/build/better_sqlite3.node",

    "Error: /app/node_modules/bcrypt/lib/binding/napi-v3/bcrypt_lib.node: invalid ELF header\n    at Module._extensions..node (node:internal/modules/cjs/loader:1340:18)",
    "#14 [linux/arm64 build 6/7] RUN npm run build\n#14 2.0 Error: Cannot find module @rollup/rollup-linux-arm64-musl. npm has a bug related to optional dependencies.",
  ],
  good: ["Error: Cannot find module './config/production'\nRequire stack:\n- /app/index.js"],
};
