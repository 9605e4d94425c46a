import { describe, expect, it } from "vitest";
import type { Diagnosis } from "../../../src/diagnose/diagnosis.ts";
import { explainText } from "./explain-text.ts";

function first(log: string, known?: Parameters<typeof explainText>[1]): Diagnosis {
  const [diagnosis] = explainText(log, known);
  if (diagnosis === undefined) throw new Error("Nothing was found.");
  return diagnosis;
}

const texts = (diagnosis: Diagnosis): string =>
  diagnosis.fixes.map(({ title, detail }) => `${title}\n${detail}`).join("\n");

/** The log of document 000. */
const crossgen = `#49 [linux/arm64 backend-build 7/7] RUN dotnet publish src/SelfMX.Api/SelfMX.Api.csproj ...
#49 122.5   SelfMX.Api -> /src/src/SelfMX.Api/bin/Release/net9.0/linux-musl-x64/SelfMX.Api.dll
#49 168.6 /usr/share/dotnet/sdk/9.0.310/Sdks/Microsoft.NET.Sdk/targets/Microsoft.NET.CrossGen.targets(470,5): error MSB6006: "/root/.nuget/packages/microsoft.netcore.app.crossgen2.linux-musl-arm64/9.0.12/tools/crossgen2" exited with code 139. [/src/src/SelfMX.Api/SelfMX.Api.csproj]`;

const dockerfile = `FROM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS backend-build
WORKDIR /src
COPY . .
RUN dotnet publish src/SelfMX.Api/SelfMX.Api.csproj \\
    -c Release \\
    -o /app/publish \\
    -r linux-musl-x64 \\
    --self-contained false \\
    -p:PublishReadyToRun=true
FROM mcr.microsoft.com/dotnet/aspnet:9.0-alpine
COPY --from=backend-build /app/publish /app
`;

describe("document 000", () => {
  it("000-06 recognises crossgen2 that exited with 139 and advises against ReadyToRun when crossing", () => {
    const diagnosis = first(crossgen);
    expect(diagnosis).toMatchObject({ code: "dotnet-under-qemu", architecture: true, confidence: "certain" });
    expect(diagnosis.evidence[0]).toMatchObject({ line: 3 });
    expect(texts(diagnosis)).toMatch(/Switch ReadyToRun off[^]*PublishReadyToRun=false/);
  });

  it.each([
    ["139", "qemu-sigsegv-signal-11", /139[^]*signal 11|signal 11[^]*139/],
    ["132", "qemu-sigill-signal-4", /signal 4[^]*132/],
    ["134", "qemu-sigabrt-signal-6", /134[^]*signal 6|signal 6[^]*134/],
    ["133", "qemu-sigtrap-signal-5", /signal 5[^]*133/],
    ["137", "out-of-memory-native", /137[^]*signal 9|signal 9[^]*137|137 \(128 \+ 9\)/],
  ])("000-07 maps exit code %s to %s", (code, expected, said) => {
    const diagnosis = first(
      `#9 [linux/arm64 app 2/3] RUN ./prepare-it\n#9 ERROR: process "/bin/sh -c ./prepare-it" did not complete successfully: exit code: ${code}`,
    );
    expect(diagnosis.code).toBe(expected);
    expect(`${diagnosis.title} ${diagnosis.why}`).toMatch(said);
  });

  it("000-08 names the failing platform, stage, step and command", () => {
    expect(first(crossgen)).toMatchObject({
      platform: "linux/arm64",
      step: {
        stage: "backend-build",
        index: 7,
        total: 7,
        command: expect.stringContaining("RUN dotnet publish"),
      },
    });
  });

  it("000-09 says that the platform was emulated, unless the caller knows better", () => {
    expect(first(crossgen).emulated).toBe(true);
    expect(first(crossgen, { emulated: true }).emulated).toBe(true);
  });

  it("000-12 says what removing ReadyToRun costs at start, and calls it a workaround", () => {
    const fix = first(crossgen).fixes.find(({ title }) => title.includes("ReadyToRun"));
    expect(fix?.detail).toMatch(/starts more slowly/);
    expect(fix?.workaround).toBe(true);
  });

  it("000-20 writes the patch that lets the SDK run natively: BUILDPLATFORM and -a $TARGETARCH", () => {
    const [patch] = first(crossgen, { dockerfile }).fixes;
    expect(patch?.detail).toContain(
      "+FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS backend-build",
    );
    expect(patch?.detail).toContain("+ARG TARGETARCH");
    expect(patch?.detail).toContain("-    -r linux-musl-x64 \\");
    expect(patch?.detail).toContain("+    -a $TARGETARCH \\");
    expect(texts(first(crossgen))).toMatch(/BUILDPLATFORM[^]*-a \$TARGETARCH/);
  });

  it("000-21 links only to pages that were seen to exist", () => {
    const { references } = first(crossgen);
    expect(references).toContain("https://github.com/dotnet/runtime/issues/95120");
    expect(references.join(" ")).not.toMatch(/67073|22292|wiki\.qemu\.org/);
  });
});

describe("document 001", () => {
  it("001-02 sees in buildx ls that the builder lacks the platform", () => {
    const listing = `docker buildx ls
NAME/NODE: default*
DRIVER/ENDPOINT: docker
PLATFORMS: linux/amd64, linux/amd64/v2, linux/amd64/v3`;
    expect(first(listing, { platform: "linux/arm64" })).toMatchObject({
      code: "builder-lacks-platform",
      platform: "linux/arm64",
    });
    expect(first(`$ docker buildx build --platform linux/amd64,linux/arm64 .\n${listing}`).code).toBe(
      "builder-lacks-platform",
    );
    expect(first(listing).code).toBe("builder-lacks-platform");
    expect(explainText(`${listing}, linux/arm64`, { platform: "linux/arm64" })).toEqual([]);
    expect(texts(first(listing))).toMatch(
      /tonistiigi\/binfmt --install all[^]*--driver docker-container[^]*--bootstrap/,
    );
  });
});

describe("document 002", () => {
  const npmCi = `#31 [linux/arm64 build 4/6] RUN npm ci
#31 21.17 qemu: uncaught target signal 4 (Illegal instruction) - core dumped`;

  it("002-01 recognises signal 4 as the emulator reports it", () => {
    expect(first("qemu: uncaught target signal 4 (Illegal instruction) - core dumped")).toMatchObject({
      code: "qemu-sigill-signal-4",
      architecture: true,
      emulated: true,
    });
  });

  it("002-02 attributes it to the step npm ci and to Node.js under emulation", () => {
    const diagnosis = first(npmCi);
    expect(diagnosis.step).toMatchObject({ stage: "build", command: "RUN npm ci" });
    expect(diagnosis.why).toMatch(/Node\.js/);
  });

  it("002-03 gives verdicts of their own on emulation, network concurrency and memory", () => {
    expect(first(npmCi).why).toMatch(
      /Emulation: this is the cause[^]*Network concurrency: nothing[^]*Memory: nothing/,
    );
    const noisy = `${npmCi}\n#31 22.0 npm ERR! network ECONNRESET\n#31 23.0 Killed`;
    const diagnosis = explainText(noisy).find(({ code }) => code === "qemu-sigill-signal-4");
    expect(diagnosis?.why).toMatch(/Network concurrency: the log also has[^]*Memory: the log has/);
  });

  it("002-04 names NODE_OPTIONS=--max-old-space-size=4096 and what it does not cure", () => {
    const fix = first(npmCi).fixes.find(({ title }) => title.includes("--max-old-space-size=4096"));
    expect(fix).toMatchObject({ workaround: true, detail: expect.stringContaining("doesn't cure signal 4") });
    const heap = first(
      "#14 FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    );
    expect(texts(heap)).toContain("NODE_OPTIONS=--max-old-space-size=4096");
  });

  it("002-05 names npm ci --prefer-offline --no-audit --maxsockets 1 and explains each flag", () => {
    const fix = first(npmCi).fixes.find(({ title }) =>
      title.includes("npm ci --prefer-offline --no-audit --maxsockets 1"),
    );
    for (const flag of ["--prefer-offline", "--no-audit", "--maxsockets 1"]) {
      expect(fix?.detail).toMatch(new RegExp(`^${flag}: .{20}`, "m"));
    }
    expect(fix?.workaround).toBe(true);
  });

  it("002-14 orders its advice: what cures first, what hides last", () => {
    const { fixes } = first(npmCi);
    expect(fixes[0]?.title).toMatch(/machine of its own CPU/);
    expect(fixes[1]?.title).toMatch(/build platform/);
    const hides = fixes.map(({ workaround }) => workaround === true);
    expect(hides).toEqual(hides.toSorted((a, b) => Number(a) - Number(b)));
    expect(fixes.length).toBeGreaterThan(4);
  });

  it("002-16 refers to known issues, not to those that could not be confirmed", () => {
    const { references } = first(npmCi);
    expect(references.length).toBeGreaterThan(0);
    expect(references.join(" ")).not.toMatch(/buildx\/issues\/395$/);
  });
});

describe("document 003", () => {
  it("003-21 explains exec format error", () => {
    const diagnosis = first("exec /usr/local/bin/docker-entrypoint.sh: exec format error");
    expect(diagnosis.code).toBe("exec-format-error-no-emulation");
    expect(texts(diagnosis)).toMatch(/binfmt[^]*uname -m/);
  });

  it("003-22 004-32 explains no matching manifest and how to see which platforms there are", () => {
    const diagnosis = first("docker: no matching manifest for linux/arm64/v8 in the manifest list entries.");
    expect(diagnosis.code).toBe("no-match-for-platform-in-manifest");
    expect(texts(diagnosis)).toMatch(/anyarch inspect IMAGE/);
  });

  it("003-23 tells an illegal instruction of the emulator from one that the CPU lacks", () => {
    expect(first("$ docker run --rm app\nIllegal instruction (core dumped)").code).toBe(
      "illegal-instruction-cpu-baseline",
    );
    expect(
      first(
        "WARNING: The requested image's platform (linux/amd64) does not match the detected host platform (linux/arm64/v8) and no specific platform was requested\nqemu: uncaught target signal 4 (Illegal instruction) - core dumped",
      ).code,
    ).toBe("qemu-sigill-signal-4");
    expect(first("Illegal instruction (core dumped)", { platform: "linux/arm64", emulated: true }).code).toBe(
      "qemu-sigill-signal-4",
    );
    expect(
      first(
        "WARNING: MongoDB 5.0+ requires ARMv8.2-A or higher, and your current system does not appear to implement any of the common features for that!",
      ).code,
    ).toBe("illegal-instruction-cpu-baseline");
  });
});

describe("document 004", () => {
  it.each(["amd64", "linux-amd64"])("004-33 shows the right form of a platform for %s", (platform) => {
    const diagnosis = first(
      `ERROR: failed to build: "${platform}": unknown operating system or architecture: invalid argument`,
    );
    expect(diagnosis.code).toBe("platform-string-invalid");
    expect(texts(diagnosis)).toContain("os/arch[/variant]");
  });

  it("004-34 names emulation as why it is slow, and the machine's own image as the cure", () => {
    const diagnosis = first(
      "WARNING: The requested image's platform (linux/amd64) does not match the detected host platform (linux/arm64/v8) and no specific platform was requested\n##[error]The job has exceeded the maximum execution time of 60 minutes.",
    );
    expect(diagnosis).toMatchObject({ code: "qemu-hang-or-timeout", emulated: true });
    expect(diagnosis.why).toMatch(/times slower/);
  });
});
