import { leaveOutPlatform, nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";
import { builderTable } from "../../log/builder-table.ts";

export const rule: LogRule = {
  code: "builder-lacks-platform",
  title: "The builder can't execute this platform",
  architecture: true,
  patterns: [
    { line: /runtime execution on platform \S{1,40} not supported/i, score: 97 },
    {
      line: /(?:no|not|find) .{0,40}(?:builder|node|driver|worker)s? .{0,40}(?:for|support\w*|with) (?:the )?platform|no (?:valid )?(?:drivers|workers|nodes?) found|platform .{0,40}(?:is )?not supported by (?:any|the) (?:builder|node|worker|driver)|none of the nodes .{0,40}platform/i,
      score: 92,
    },
    {
      line: /does NOT support [`'"]?linux\/\w+|builder .{0,60}(?:does not|doesn't|only) supports? .{0,20}linux\//i,
      score: 84,
    },
    { line: builderTable.heading, check: builderTable.lacks, score: 76, confidence: "likely" },
  ],
  above: ["exec-format-error-no-emulation", "driver-does-not-support-multi-platform"],
  why: "The builder's list of platforms holds those of its own CPU only: no emulator was registered when it started, and none of its nodes is a machine of the other CPU. A build for that platform would stop at the first RUN.",
  fixes: [
    {
      title: "Register QEMU, then make the builder anew",
      detail:
        "docker run --privileged --rm tonistiigi/binfmt --install all\ndocker buildx rm ci-builder || true\ndocker buildx create --name ci-builder --driver docker-container --use\ndocker buildx inspect --bootstrap ci-builder\nA builder looks for emulators when it starts. Platforms must then list linux/arm64. `anyarch doctor --fix` does and checks it.",
    },
    { title: "Add a node that has the platform", detail: nativeNode.detail },
    {
      title: "Name the builder in every build",
      detail:
        "docker buildx build --builder ci-builder …, or builder: ci-builder for docker/build-push-action; else the default one is used.",
    },
    leaveOutPlatform,
  ],
  references: [
    "https://docs.docker.com/build/building/multi-platform.md",
    "https://github.com/docker/buildx/issues/138",
    "https://github.com/moby/buildkit/issues/1390",
  ],
  bad: [
    "ERROR: failed to solve: failed to load LLB: runtime execution on platform linux/arm64 not supported",
    "$ docker buildx build --platform linux/amd64,linux/arm64 .\n$ docker buildx ls\nNAME/NODE     DRIVER/ENDPOINT   STATUS    BUILDKIT   PLATFORMS\ndefault*      docker\n \\_ default    \\_ default       running   v0.26.2    linux/amd64, linux/amd64/v2, linux/amd64/v3",
  ],
  good: [
    "$ docker buildx build --platform linux/amd64,linux/arm64 .\n$ docker buildx ls\nNAME/NODE DRIVER/ENDPOINT STATUS BUILDKIT PLATFORMS\nmulti* docker-container\n \\_ multi0 \\_ unix:///var/run/docker.sock running v0.26.2 linux/amd64, linux/arm64",
  ],
};
