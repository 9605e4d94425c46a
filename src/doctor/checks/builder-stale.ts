import { formatPlatform, samePlatform } from "../../oci/platform.ts";
import type { Check, Finding } from "../check.ts";
import { abilityOf, buildNodes } from "../facts/build-nodes.ts";
import { builders, buildx } from "../facts/builders.ts";
import { ownBuilder } from "../fixes/create-builder.ts";
import { shellWord } from "../probe.ts";

export const check: Check = {
  id: "builder-stale",
  title: "Builders keep what they promise",
  group: "builders",
  expected: "each asked platform that a builder lists runs there",
  why: "BuildKit adds platforms that QEMU was registered for after it started, but never takes one away; and a platform that a builder was labelled with (create --platform) is listed whether it runs or not.",
  measured: "docker buildx ls, compared with a build of a tiny program on each builder that runs",
  async examine(x) {
    const listed = (await x.fact(builders)) ?? [];
    const { usable } = await x.fact(buildNodes);
    const probed = usable.filter(({ known }) => known === "probed");
    if (probed.length === 0) return { status: "skip", found: "no builder could be tried" };
    const call = (await x.fact(buildx))?.command.join(" ") ?? "docker buildx";
    const findings = probed.flatMap((node): readonly Finding[] => {
      const [name = ""] = node.name.split("/");
      const claims =
        listed.find((each) => each.name === name)?.nodes.flatMap(({ platforms }) => platforms) ?? [];
      const broken = x.platforms.filter(
        (platform) =>
          claims.some((each) => samePlatform(each, platform)) && abilityOf(node, platform) === undefined,
      );
      if (broken.length === 0) return [];
      const names = broken.map(formatPlatform).join(", ");
      return [
        {
          status: "warn",
          subject: node.name,
          found: `it lists ${names}, but programs of it don't run there`,
          fix: {
            key: `restart-${name}`,
            title: "stop it; the next build starts it anew",
            why: "BuildKit looks at the kernel's table when it starts; its cache is kept.",
            commands: [`${call} stop ${shellWord(name)}`, `${call} inspect --bootstrap ${shellWord(name)}`],
            undo: [],
            automatic: name === ownBuilder,
            order: 40,
          },
        },
      ];
    });
    return findings.length > 0
      ? findings
      : { status: "ok", found: "what they list of the asked platforms runs" };
  },
};
