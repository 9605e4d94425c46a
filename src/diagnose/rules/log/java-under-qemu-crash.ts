import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const java =
  /\b(?:java|javac|mvnw?|maven|gradlew?|sbt|ant|keytool|kotlinc?|scalac?|clojure|lein|jlink|jar)\b/i;

export const rule: LogRule = {
  code: "java-under-qemu-crash",
  title: "The Java virtual machine doesn't start or crashed under emulation",
  architecture: true,
  emulated: true,
  stage: "java",
  patterns: [
    {
      line: /Port Library failed to initialize|JVMJ9\w+|JVMPORT\d+|Unhandled exception\s*$|J9Generic_Signal/i,
      log: /qemu|linux\/|platform|emulat|rosetta|arm|aarch|Apple|M[1-4]\b/i,
      score: 90,
    },
    { line: /Port Library failed to initialize/, score: 86 },
    {
      line: /fatal error has been detected by the Java Runtime Environment|SIG(?:SEGV|ILL|BUS|TRAP) \(0x\w+\) at pc=|Problematic frame|hs_err_pid/i,
      emulation: "shown",
      score: 90,
    },
    {
      line: /fatal error has been detected by the Java Runtime Environment|hs_err_pid/i,
      emulation: "likely",
      score: 86,
      confidence: "likely",
    },
    {
      line: /fatal error has been detected by the Java Runtime Environment/i,
      log: /linux-amd64|bsd-amd64/,
      near: /rosetta|apple|qemu|M[1-4] /i,
      score: 88,
    },
    { line: /uncaught target signal (?:4|5|6|7|11)\b/, command: java, score: 90 },
    {
      line: /Segmentation fault|Illegal instruction|Aborted|\bexit code: (?:139|134|132)\b/i,
      command: java,
      emulation: "likely",
      score: 86,
    },
    {
      line: /uncaught target signal/,
      near: /\b(?:java|jvm|openjdk|mvn|gradle|JAVA_|OpenJ9|semeru|kafka|elasticsearch|opensearch|zookeeper|keycloak|cassandra|neo4j)\b/i,
      score: 84,
    },
    {
      line: /Could not create the Java Virtual Machine|Error occurred during initialization of VM|library initialization failed|Failed to (?:start|create) (?:the )?(?:native )?thread/i,
      nearNot:
        /Unrecognized (?:VM )?option|Invalid (?:maximum|initial|thread)|Conflicting|Error opening|Unable to open/,
      emulation: "shown",
      score: 82,
    },
    {
      line: /pthread_(?:create|getattr_np|setname_np) failed|(?:os::|Thread).{0,40}(?:ENOSYS|Function not implemented)/i,
      emulation: "likely",
      near: /java|jvm|OpenJDK/i,
      score: 86,
    },
  ],
  above: [
    "qemu-sigsegv-signal-11",
    "qemu-sigill-signal-4",
    "qemu-sigabrt-signal-6",
    "qemu-sigtrap-signal-5",
    "qemu-unsupported-syscall",
    "illegal-instruction-cpu-baseline",
  ],
  why: "A Java virtual machine makes machine code while it runs and handles memory faults itself; emulators don't reproduce both faithfully. OpenJ9 fails to start under QEMU; HotSpot for amd64 crashes now and then on ARM Macs (QEMU as well as Rosetta). The program isn't at fault.",
  fixes: [
    {
      title: "Run the Java stage on the build platform",
      detail:
        "FROM --platform=$BUILDPLATFORM maven:3-eclipse-temurin-21 AS build\nRUN mvn -B package\nFROM eclipse-temurin:21-jre\nCOPY --from=build /src/target/app.jar /app.jar\nBytecode is the same for every CPU; only the runtime image differs.",
    },
    {
      title: "Use an image for this machine's CPU",
      detail: "Most Java images exist for arm64: leave out --platform linux/amd64.",
    },
    {
      title: "Another JVM",
      detail:
        "Temurin (HotSpot) instead of OpenJ9/Semeru; where HotSpot crashes -Xint or -XX:TieredStopAtLevel=1 make it rarer, and slow.",
      workaround: true,
    },
    nativeNode,
  ],
  references: [
    "https://github.com/ibmruntimes/Semeru-Runtimes/issues/11",
    "https://github.com/docker/for-mac/issues/7006",
  ],
  bad: [
    "#8 [linux/arm64 build 3/5] RUN java -version\n#8 1.0 Error: Port Library failed to initialize: -1\n#8 1.0 Error: Could not create the Java Virtual Machine.",
    '#9 [linux/arm64 build 5/6] RUN ./mvnw package\n#9 30.0 qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n#9 ERROR: process "/bin/sh -c ./mvnw package" did not complete successfully: exit code: 139',
  ],
  good: [
    "Set up QEMU\n#9 [linux/arm64 4/5] RUN java -XX:+UseFooGC -jar app.jar\n#9 0.9 Unrecognized VM option 'UseFooGC'\n#9 0.9 Error: Could not create the Java Virtual Machine.",

    "#9 [build 5/6] RUN ./mvnw package\n#9 30.0 [ERROR] COMPILATION ERROR :\n#9 30.0 [ERROR] /src/App.java:[3,8] cannot find symbol",
  ],
};
