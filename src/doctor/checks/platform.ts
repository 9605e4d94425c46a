import { formatPlatform } from "../../oci/platform.ts";
import type { Check, Finding, Fix } from "../check.ts";
import { buildNodes, chooseNode, listPlatforms, type BuildNode } from "../facts/build-nodes.ts";
import { buildx } from "../facts/builders.ts";
import { docker } from "../facts/docker.ts";
import { createBuilder, ownBuilder } from "../fixes/create-builder.ts";
import { shellWord } from "../probe.ts";

const ways = { native: "natively", emulated: "by emulation", listed: "as it says" } as const;

export const check: Check = {
  id: "platform",
  title: "Each platform has a builder",
  group: "platforms",
  expected: "a builder that runs the platform, best natively",
  why: "A Dockerfile's RUN instructions are programs of the platform: some machine has to run them.",
  measured:
    "docker buildx ls; on this machine also a build of a tiny program for the platform on each builder that runs",
  async examine(x) {
    const { usable } = await x.fact(buildNodes);
    const several = x.platforms.length > 1;
    const able = several ? usable.filter(({ holdsSeveral }) => holdsSeveral) : usable;
    const fix = await createBuilder(x);
    const client = await x.fact(buildx);
    const hasClient = client !== undefined && (await x.fact(docker)).server !== undefined;
    const buildable = x.platforms
      .filter((platform) => chooseNode(usable, platform) !== undefined)
      .map(formatPlatform);
    return x.platforms.map((platform): Finding => {
      const subject = formatPlatform(platform);
      const chosen = chooseNode(able, platform);
      if (chosen !== undefined) {
        const { node, ability } = chosen;
        const found = `${node.name} (${node.driver}) builds it ${ways[ability]}`;
        if (node.known !== "stopped") return { status: "ok", subject, found };
        return {
          status: "warn",
          subject,
          found: `${found}, once it is started`,
          why: `${check.why} What a builder that doesn't run was made for is only what it was told; it is started by the next build.`,
          fix: startBuilder(node, client?.command.join(" ") ?? "docker buildx"),
        };
      }
      const alone = several ? chooseNode(usable, platform) : undefined;
      return {
        status: "fail",
        subject,
        found:
          alone === undefined
            ? lacking(subject, usable)
            : `${alone.node.name} (docker driver) can build ${subject}, but only one platform at a time`,
        why: `${check.why}${alternative(subject, buildable)} Applications that anyarch assembles itself need no builder.`,
        ...(fix !== undefined && hasClient && { fix }),
      };
    });
  },
};

/** Only what is ours is started; the user's would stay running. */
function startBuilder({ name }: BuildNode, buildxCommand: string): Fix {
  const [builder = name] = name.split("/");
  return {
    key: `start-builder-${builder}`,
    title: `start the builder "${builder}"`,
    why: "BuildKit then says what it can, and it is tried.",
    commands: [`${buildxCommand} inspect --bootstrap ${shellWord(builder)}`],
    undo: [`${buildxCommand} stop ${shellWord(builder)}`],
    automatic: builder === ownBuilder,
    order: 30,
  };
}

function lacking(subject: string, usable: readonly BuildNode[]): string {
  if (usable.length === 0) return `no builder answers, so none can build ${subject}`;
  const list = usable.map(
    ({ name, driver, platforms }) => `${name} (${driver}) has ${listPlatforms(platforms)}`,
  );
  return `no builder has ${subject}: ${list.join("; ")}`;
}

/** What can be done without any change to the machine. */
function alternative(subject: string, buildable: readonly string[]): string {
  const rest = buildable.filter((name) => name !== subject);
  const add = `--builder ${subject}=ssh://USER@HOST`;
  return rest.length === 0
    ? ` Name a machine that has it: ${add}.`
    : ` Or build only what runs here now (--platform ${rest.join(",")}) and add ${subject} when there is a machine for it (${add}).`;
}
