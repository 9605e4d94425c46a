import { buildPlatformStage, nativeNode } from "../../log/fix-texts.ts";
import type { LogLine } from "../../log/log-line.ts";
import type { LogRule } from "../../log/log-rule.ts";
import type { LogView } from "../../log/log-view.ts";

const slow =
  /operation was canceled|exceeded the maximum execution time|execution took longer than|The job (?:running on|was canceled|exceeded)|has exceeded the (?:maximum|time)|maximum (?:job )?(?:run|execution) ?time|(?<!test |tests |spec )timed out after \d|job timeout|Build timed out|TimeoutExpired|ProcessTimedOutException|exceeded the timeout of \d|Too long with no output|no output has been received|context deadline exceeded|step timeout|deadline exceeded|Terminated$|(?:cancel|abort)\w* .{0,40}(?:timeout|time limit)|Your build exceeded|time ?limit/i;
const networkTimeout =
  /network timeout|trouble with your network connection|Read timed out|ReadTimeoutError|Operation timed out|i\/o timeout|(?<!test |hook )timeout of \d+ms|\b(?:request|connection|connect|read|socket|handshake|download|fetch|operation|curl)\S{0,12} timed out|timed out (?:after|while|waiting|trying)|^\S{0,40}timed out$|operation too slow|ERR_SOCKET_TIMEOUT|ESOCKETTIMEDOUT|\bETIMEDOUT\b/i;

/** Not a request that a server didn't answer in time. */
function isOfTheJob(_log: LogView, { text }: LogLine): boolean {
  return !/https?:|dial tcp|registry|failed to do request|rpc error/.test(text);
}

/** Whoever pushes again cancels the run before. */
const cancelled = /higher priority waiting request|Canceling since/;

/** The kernel makes connections; a slow program is late only in reading from them. */
function isNotConnecting(_log: LogView, { text }: LogLine): boolean {
  return !/connect(?:ion|ing)?\b.{0,120}timed out|dial tcp|\bconnect ETIMEDOUT/i.test(text);
}

/** A server that answers late is late for a fast client as well. npm's ERR_SOCKET_TIMEOUT is of a socket that npm left idle. */
const ofClient =
  /Read timed out|ReadTimeoutError|\bnpm (?:ERR!|error|WARN|warn) .{0,120}(?:ETIMEDOUT|ESOCKETTIMEDOUT|network timeout)/;
/** Other words of a process that doesn't come on. */
const hangs =
  /trouble with your network connection|uncaught target signal|exceeded the maximum execution time|The operation was canceled|job timeout|\b(?:hangs|hung|stuck)\b|Timer expired|idealTree.{0,60}still|no output (?:has been )?received/i;

function isOfSlowProgram(log: LogView, line: LogLine): boolean {
  return isNotConnecting(log, line) && (!ofClient.test(line.text) || log.has(hangs));
}

export const rule: LogRule = {
  code: "qemu-hang-or-timeout",
  title: "Emulation is so slow that a time limit struck, or it hangs",
  architecture: true,
  emulated: true,
  stage: "any",
  patterns: [
    { line: slow, emulation: "shown", check: isOfTheJob, nearNot: cancelled, score: 70 },
    {
      line: slow,
      emulation: "likely",
      check: isOfTheJob,
      nearNot: cancelled,
      score: 68,
      confidence: "likely",
    },
    {
      line: networkTimeout,
      emulation: "shown",
      check: isOfSlowProgram,
      commandNot: /\bapt-get update && |^$/,
      score: 66,
      confidence: "likely",
    },
    {
      line: networkTimeout,
      emulation: "likely",
      check: isOfSlowProgram,
      command: /\b(?:npm|yarn|pnpm|pip|poetry|uv|cargo|bundle|composer|dotnet restore|mvn|gradle)\b/,
      score: 64,
      confidence: "likely",
    },
  ],
  above: ["network-transient", "generic-user-error", "buildkit-node-lost"],
  why: "QEMU runs programs some four to ten times slower than the machine itself, compilers slower still, and now and then a process waits for ever after a fault in the emulation. The limit of the job, or of a connection that the slow program didn't serve in time, then strikes.",
  fixes: [
    nativeNode,
    buildPlatformStage,
    {
      title: "Longer limits",
      detail:
        "timeout-minutes of the job; npm config set fetch-timeout 600000, yarn --network-timeout 600000, pip --default-timeout=600.",
      workaround: true,
    },
    {
      title: "Cache what is slow",
      detail:
        "RUN --mount=type=cache for package managers and compilers; cache-to/cache-from per platform; each platform in its own job.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/nodejs/docker-node/issues/1335",
    "https://github.com/RackulaLives/Rackula/issues/2707",
  ],
  bad: [
    "#22 [linux/amd64 builder 7/9] RUN npm run build\n#22 DONE 48.1s\n#27 [linux/arm64 builder 7/9] RUN npm run build\n#27 14022.5 rendering chunks...\n##[error]The job running on runner GitHub Actions 12 has exceeded the maximum execution time of 360 minutes.",
    'Set up QEMU\n#9 [linux/arm64 5/6] RUN composer install\n#9 300.0   The process "git clone" exceeded the timeout of 300 seconds.',

    "Run docker/setup-qemu-action@v3\n#31 [linux/arm64 build 4/6] RUN npm run build\n#31 21.1 creating an optimized production build ...\n##[error]The job running on runner GitHub Actions 7 has exceeded the maximum execution time of 360 minutes.",
  ],
  good: [
    "Set up QEMU\n#9 [linux/arm64 4/6] RUN pip install -r requirements.txt\n#9 80.1 pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='pypi.example.com', port=443): Read timed out.",
    "Set up QEMU\n#9 [linux/arm64 4/6] RUN npm ci\n#9 190.4 npm ERR! code ETIMEDOUT\n#9 190.4 npm ERR! network read ETIMEDOUT",
    'Set up QEMU\n#9 [linux/arm64 5/5] RUN go mod download\n#9 0.1 go: example.com/x@v1.0.0: Get "https://proxy.example.com/x": dial tcp 192.0.2.1:443: i/o timeout',

    "Run docker/setup-qemu-action@v3\n#31 [linux/arm64 build 4/6] RUN make\n##[error]Canceling since a higher priority waiting request for release exists\n##[error]The operation was canceled.",
    'Run docker/setup-qemu-action@v3\n#40 ERROR: failed to push registry.example.com/app:1: failed to do request: Put "https://registry.example.com/v2/app/blobs/uploads/1": context deadline exceeded',
    "Run docker/setup-qemu-action@v3\n#9 [linux/arm64 4/4] RUN npx stryker run\n#9 90.0 40 killed, 9 survived, 2 timed out",
    "#31 [build 4/6] RUN npm run build\n##[error]The operation was canceled.",
  ],
};
