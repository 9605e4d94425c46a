import { isForeignTriplet } from "../../log/multiarch-triplet.ts";
import type { LogRule } from "../../log/log-rule.ts";

const triplet = "(?:x86_64|aarch64|arm|i386|i686|powerpc64le|s390x|riscv64)-linux-(?:gnu|musl)\\w{0,6}";

const folder = "(?:lib(?:exec)?|include|local/lib|local/include|share)/(?:gcc/|cmake/|pkgconfig/)?";

export const rule: LogRule = {
  code: "hardcoded-arch-path",
  title: "A path with another CPU's name in it is used",
  architecture: true,
  patterns: [
    {
      line: new RegExp(`/(?:usr/)?${folder}${triplet}`),
      near: /not found|No such|cannot|could not|missing|does not exist|unable to|error/i,
      nearNot: /GLIBC_|ld: |wrong format|incompatible|manylinux|Error relocating/,
      check: isForeignTriplet,
      score: 79,
      confidence: "likely",
    },
    {
      line: new RegExp(
        `/(?:usr/)?${folder}${triplet}/.{0,200}(?:No such file|not found|does not exist|cannot (?:stat|open|access))`,
        "i",
      ),
      nearNot: /version `?GLIBC/,
      score: 86,
    },
    {
      line: new RegExp(
        `(?:cannot (?:stat|open|access)|No rule to make target|No such file|not found|missing|does not exist|failed to (?:stat|compute|calculate|create)).{0,160}/(?:usr/)?${folder}${triplet}`,
        "i",
      ),
      nearNot: /version `?GLIBC/,
      score: 86,
    },
    {
      line: /JAVA_HOME.{0,80}(?:invalid|not (?:found|set|defined)|does not|incorrect|no such)|(?:java-\d+-openjdk|jdk\S{0,20}|temurin\S{0,20})-(?:amd64|arm64|x86_64|aarch64|armhf)\b.{0,80}(?:No such|not found|does not|invalid|directory)/i,
      near: /-(?:amd64|arm64|x86_64|aarch64|armhf|x64)\b/,
      score: 88,
    },
    {
      line: /(?:ld-linux-x86-64\.so\.2|ld-linux-aarch64\.so\.1|ld-linux-armhf\.so\.3|ld-musl-\w+\.so\.1|\/lib64\/\S{1,60})"?:? .{0,40}(?:not found|No such file)/,
      near: /COPY|ln |cp |cache key|failed to (?:compute|calculate)|cannot stat/i,
      score: 86,
    },
    {
      line: /(?:failed to (?:compute|calculate)|cannot stat|No such file|not found|cannot access).{0,200}(?:ld-linux-x86-64|ld-musl-x86_64|ld-linux-aarch64|linux-amd64|linux_amd64|linux-x64|x86_64-unknown|aarch64-unknown|x86_64-linux)/i,
      score: 82,
    },
    {
      line: /(?:ld-linux-x86-64|ld-musl-x86_64|ld-linux-aarch64|ld-musl-aarch64|x86_64-unknown-linux-\w+|aarch64-unknown-linux-\w+|linux_amd64(?:_v1)?|linux-amd64|linux_arm64|linux-arm64)\b.{0,120}: (?:not found|No such file or directory)/i,
      nearNot: /https?:|error loading shared|needed by|manifest unknown|rosetta|Could not open/i,
      score: 78,
      confidence: "likely",
    },
  ],
  above: ["generic-user-error", "glibc-vs-musl-mismatch"],
  why: "Multiarch directories, loaders and JDK folders carry the CPU's name (/usr/lib/x86_64-linux-gnu, java-17-openjdk-amd64). On another CPU that path doesn't exist.",
  fixes: [
    {
      title: "Derive the path",
      detail:
        'RUN ln -s "/usr/lib/$(gcc -print-multiarch)/libfoo.so" /usr/lib/libfoo.so, or a wildcard: /usr/lib/*-linux-gnu/libfoo.so. COPY takes wildcards as well.\nARG TARGETARCH\nENV JAVA_HOME=/usr/lib/jvm/java-17-openjdk-${TARGETARCH}',
    },
    {
      title: "Use a neutral link",
      detail:
        "For Java /usr/lib/jvm/default-java, or readlink -f $(command -v java); for LD_PRELOAD a link that you make yourself in a step before.",
    },
  ],
  references: ["https://github.com/ArduPilot/ardupilot/pull/34312"],
  bad: [
    "#9 [linux/arm64 3/5] RUN make\n#9 0.3 /usr/lib/gcc/x86_64-linux-gnu/12/include: No such file or directory",
    "make: *** No rule to make target '/usr/lib/x86_64-linux-gnu/libz.a', needed by 'app'.  Stop.",

    "#12 [linux/arm64 4/6] RUN ln -s /usr/lib/x86_64-linux-gnu/libsodium.so.23 /usr/lib/libsodium.so && cp /usr/lib/x86_64-linux-gnu/libz.so /opt\n#12 0.3 cp: cannot stat '/usr/lib/x86_64-linux-gnu/libz.so': No such file or directory",
    "ERROR: JAVA_HOME is set to an invalid directory: /usr/lib/jvm/java-17-openjdk-amd64",
  ],
  good: ["cp: cannot stat '/usr/lib/jvm/cacerts': No such file or directory"],
};
