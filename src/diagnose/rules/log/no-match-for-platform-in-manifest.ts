import { leaveOutPlatform } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "no-match-for-platform-in-manifest",
  title: "An image that is pulled has nothing for this platform",
  architecture: true,
  patterns: [
    {
      line: /^(?!.{0,40}warning).{0,200}does not match the (?:specified|expected|requested) platform/i,
      score: 84,
    },
    {
      line: /no match(?:ing manifest)? for platform|no matching manifest for|no image found in (?:manifest list|image index) for|no matching platform/i,
      score: 95,
    },
    {
      line: /manifest (?:list )?(?:does not|doesn't) (?:contain|have) .{0,40}(?:platform|architecture)|no child with platform|could not find .{0,60}for platform|does not provide the specified platform|no such platform|does not contain descriptor matching platform|no (?:manifest|image|platform) (?:in index |found )?(?:matches|matching|for) (?:platform )?(?:linux|windows)\/|manifest for \S{1,30} not found in manifest list|must support (?:amd64|arm64)\/linux|does not support the specified platform|not find an image matching platform/i,
      score: 90,
    },
    {
      line: /image operating system "\w+" cannot be used on this platform|choosing (?:an )?image from manifest list.{0,200}no image found/i,
      score: 85,
    },
  ],
  above: ["registry-manifest-unknown"],
  why: "The tag is an index (manifest list) without an entry for the platform that was asked for, or a single image of another one. Nothing was run yet: QEMU can't help, the files don't exist.",
  fixes: [
    {
      title: "See which platforms the image has",
      detail: "anyarch inspect IMAGE (or docker buildx imagetools inspect IMAGE) lists them.",
    },
    {
      title: "Use a tag or image that lists the platform",
      detail:
        "A newer tag, another variant (slim instead of a special one), or another publisher's image; or build it for that platform yourself.",
    },
    {
      title: "Ask explicitly for a platform that exists",
      detail:
        "FROM --platform=linux/amd64 IMAGE, or docker run --platform linux/amd64: it then runs under emulation, several times slower.",
      workaround: true,
    },
    leaveOutPlatform,
  ],
  references: ["https://github.com/Freika/dawarich/issues/932"],
  bad: [
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
    "ERROR: (deploy) doesn't take image 'registry.example.com/app': Container manifest type 'application/vnd.oci.image.index.v1+json' must support amd64/linux.",
    "FATA[0001] could not find a platform-specific image: no platform in index matches linux/arm64",

    "ERROR: failed to solve: docker.io/example/tool:2.1: no match for platform in manifest: not found",
    "docker: no matching manifest for linux/arm64/v8 in the manifest list entries.",
  ],
  good: ["ERROR: failed to solve: docker.io/library/pythn:3.12: docker.io/library/pythn:3.12: not found"],
};
