import type { Check } from "../check.ts";
import { buildNodes } from "../facts/build-nodes.ts";
import { builders } from "../facts/builders.ts";
import { docker } from "../facts/docker.ts";
import { createBuilder } from "../fixes/create-builder.ts";

export const check: Check = {
  id: "containerd-store",
  title: "The image store can hold several platforms",
  group: "docker",
  expected: "containerd's image store, or a builder of another driver than docker",
  why: "Docker's own BuildKit puts its result into Docker's image store. The classic one holds one platform of an image: a build for several ends with \"Multi-platform build is not supported for the docker driver\".",
  measured: "docker info (DriverStatus: io.containerd.snapshotter.v1), docker buildx ls",
  async examine(x) {
    const { server, containerdStore, info } = await x.fact(docker);
    if (server === undefined) return { status: "skip", found: "no Docker answers" };
    if (containerdStore) return { status: "ok", found: `containerd's, ${info?.Driver ?? ""}` };
    const found = `the classic store (${info?.Driver ?? "unknown"})`;
    const { usable } = await x.fact(buildNodes);
    const other = usable.find(({ holdsSeveral }) => holdsSeveral);
    if (other !== undefined)
      return { status: "ok", found: `${found}; builds of several platforms go to ${other.name}` };
    const current = (await x.fact(builders))?.find((builder) => builder.current);
    const named =
      current?.driver === "docker"
        ? `; the builder ${current.name} has the docker driver, which puts its results there`
        : "";
    const fix = await createBuilder(x);
    return {
      status: x.platforms.length > 1 ? "fail" : "warn",
      found: `${found}${named}`,
      ...(fix !== undefined && { fix }),
    };
  },
};
