import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "out-of-memory-native",
  title: "A process was killed because the machine's memory was used up",
  architecture: false,
  patterns: [
    {
      line: /Killed signal terminated program|signal: killed\b|signal: 9, SIGKILL|(?<!buildkitd.{0,40})(?<!buildkit\S{0,20} \()OOMKilled|terminated with signal 9\b|LLVM ERROR: out of memory|std::bad_alloc|spawn ENOMEM|\bENOMEM\b|Out of memory: Killed process|cannot allocate memory|virtual memory exhausted/i,
      score: 82,
    },
    { line: /^(?:.{0,60}[: ])?Killed$/, score: 78 },
    {
      line: /(?:signal(?:Code)?[:= ]{1,3}["'`]?|\[|terminated by |killed by |with )SIGKILL\b|\bexited \(137\)/,
      score: 76,
      confidence: "likely",
    },
    {
      line: /java\.lang\.OutOfMemoryError|^MemoryError\b|JVM heap space is exhausted|(?:build )?daemon (?:has )?disappeared(?: unexpectedly|\.)/i,
      score: 66,
      confidence: "likely",
    },
    {
      line: /\bexit (?:code|status)[: ]*137\b|non-zero code: 137\b|exited with (?:code |status )?137\b/i,
      score: 70,
      confidence: "likely",
    },
  ],
  why: 'The kernel ends the biggest process when memory runs out: signal 9, exit code 137 (128 + 9), the word "Killed". That isn\'t a fault of the architecture, although emulated processes need more memory.',
  fixes: [
    {
      title: "Give the build more memory, or swap",
      detail: "The VM of Docker Desktop, the container's limit, or a bigger runner.",
    },
    {
      title: "Run fewer jobs side by side",
      detail:
        "make -j2, cargo build -j 2, CMAKE_BUILD_PARALLEL_LEVEL=2, MAX_JOBS=2; build platforms one after another.",
    },
  ],
  references: [],
  bad: [
    "#15 301.2 collect2: fatal error: ld terminated with signal 9 [Killed]",
    "#15 [build 3/3] RUN npm run build\n#15 99.0 build worker exited with code: null and signal: SIGKILL",
    "#15 [build 3/3] RUN ./gradlew jar\n#15 99.0 Gradle build daemon disappeared unexpectedly (it may have been killed or may have crashed)",
    '#15 [build 6/7] RUN make -j8\n#15 301.2 c++: fatal error: Killed signal terminated program cc1plus\n#15 301.3 compilation terminated.\n#15 ERROR: process "/bin/sh -c make -j8" did not complete successfully: exit code: 2',
  ],
  good: ["#4 [2/3] RUN kill-old-ones\n#4 0.2 Killed 3 idle sessions\n#4 DONE 0.2s"],
};
