import type { Check, Finding } from "../check.ts";
import { buildNodes, listPlatforms } from "../facts/build-nodes.ts";
import { buildx, builders } from "../facts/builders.ts";

export const check: Check = {
  id: "builders",
  title: "Builders and their platforms",
  group: "builders",
  expected: "at least one that can be used",
  why: "buildx sends a build to one of them; which, and what it can, decides what platforms a build may name.",
  measured: "docker buildx ls --format json; those that run here are tried with a build",
  async examine(x) {
    const listed = await x.fact(builders);
    if (listed === undefined)
      return {
        status: "warn",
        found: "buildx can't list its builders",
        why: `${check.why} One that hangs keeps the list from coming: docker buildx ls says which, docker buildx rm NAME removes it.`,
      };
    const { usable } = await x.fact(buildNodes);
    const current = listed.find((builder) => builder.current)?.name;
    if (usable.length === 0) {
      const found =
        (await x.fact(buildx)) === undefined ? "no buildx, and no BuildKit answers" : "none that can be used";
      return { status: "warn", found };
    }
    return usable.map((node): Finding => {
      const [name = ""] = node.name.split("/");
      const builder = listed.find((each) => each.name === name);
      const endpoint = builder?.nodes.find(
        (each) => node.name === name || node.name.endsWith(`/${each.name}`),
      )?.endpoint;
      const facts = [
        `${node.driver}${endpoint === undefined || endpoint === "" ? "" : ` at ${endpoint}`}`,
        ...(node.version?.startsWith("v0.0.0") === false ? [`BuildKit ${node.version}`] : []),
        ...(name === current ? ["current"] : []),
        ...(node.known === "stopped" ? ["not started"] : []),
        // As the daemon lists them, its CPU's variants included.
        listPlatforms([...node.platforms, ...(builder?.nodes.flatMap(({ platforms }) => platforms) ?? [])]),
      ];
      return { status: "ok", subject: node.name, found: facts.join(", ") };
    });
  },
};
