import type { Fix } from "../diagnosis.ts";
import { nativeNode, pinnedEmulator } from "./fix-texts.ts";
import type { LogView } from "./log-view.ts";

const node =
  /\b(?:npm|npx|yarn|pnpm|corepack|node|nodejs|next|vite|webpack|tsc|ng|gatsby|nuxt|lerna|nx|turbo)\b/;

/** Whether a command starts Node.js. */
export function runsNode(command: string): boolean {
  return node.test(command);
}

const network =
  /\b(?:ECONNRESET|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ERR_SOCKET_TIMEOUT)\b|network timeout|socket hang up/i;
const memory = /heap out of memory|Reached heap limit|\bKilled\b|exit code: 137|signal 9\b|OOMKilled/i;

/** Emulation, network concurrency and memory are each suspected when npm dies under QEMU: says of each what the log shows. */
export function nodeVerdicts(log: LogView): string {
  const verdicts = [
    "Emulation: this is the cause. V8 makes machine code while it runs, and QEMU's translation of it fails on some instructions; Node.js crashes, or hangs.",
    log.has(network)
      ? "Network concurrency: the log also has network errors, which fewer connections may spare; they don't cause signal 4."
      : "Network concurrency: nothing in this log speaks for it. Fewer connections only make the crash rarer.",
    log.has(memory)
      ? "Memory: the log has signs of exhausted memory as well; see the other diagnosis."
      : "Memory: nothing in this log speaks for it (no exit code 137, no heap limit message).",
  ];
  return verdicts.join("\n");
}

/** In the order of what to try when the one before isn't possible. */
export const nodeFixes: readonly Fix[] = [
  nativeNode,
  {
    title: "Install and build in a stage on the build platform",
    detail:
      "FROM --platform=$BUILDPLATFORM node:22 AS build\nRUN npm ci && npm run build\nFROM node:22-slim\nCOPY --from=build /app/dist ./dist\nJavaScript is the same for every CPU. Packages with native modules have to be installed for the target: npm ci --omit=dev --cpu=arm64 --os=linux (a current npm) takes their prebuilt files.",
  },
  {
    ...pinnedEmulator,
    title: "Use another QEMU or another Node.js version",
    detail: `${pinnedEmulator.detail}\nNode.js releases differ as well in the instructions that V8 emits.`,
  },
  {
    title: "Make the crash rarer: npm ci --prefer-offline --no-audit --maxsockets 1",
    detail:
      "--prefer-offline: takes packages from npm's cache without asking the registry again.\n--no-audit: leaves out the request for known vulnerabilities at the end.\n--maxsockets 1: one connection at a time, so less runs side by side in the emulator.\nThey lessen the load; the fault stays.",
    workaround: true,
  },
  {
    title: "More heap: NODE_OPTIONS=--max-old-space-size=4096",
    detail:
      "ENV NODE_OPTIONS=--max-old-space-size=4096 helps only where V8's heap limit was reached (\"heap out of memory\"); it doesn't cure signal 4.",
    workaround: true,
  },
  {
    title: "Leave this platform out for now",
    detail: "--platform linux/amd64 until there is a native machine.",
    workaround: true,
  },
];
