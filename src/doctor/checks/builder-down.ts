import type { Check, Finding } from "../check.ts";
import { buildNodes, chooseNode } from "../facts/build-nodes.ts";
import { shellWord } from "../probe.ts";

export const check: Check = {
  id: "builder-down",
  title: "All builders answer",
  group: "builders",
  expected: "each builder that buildx knows can be reached",
  why: 'buildx waits for every node of a builder before it builds, and shows one that is gone as "inactive" without a word: one dead node fails the build or keeps it waiting.',
  measured: "docker buildx ls; on this machine also a connection to each",
  async examine(x) {
    const { down, usable } = await x.fact(buildNodes);
    if (down.length === 0)
      return {
        status: usable.length > 0 ? "ok" : "skip",
        found: usable.length > 0 ? "all answer" : "there are none",
      };
    const served = x.platforms.every((platform) => chooseNode(usable, platform) !== undefined);
    return down.map(({ name, why, hint }): Finding => {
      const [builder = name] = name.split("/");
      return {
        status: served ? "warn" : "fail",
        subject: name,
        found: why,
        ...(hint !== undefined && { why: `${check.why} ${hint}` }),
        fix: {
          key: `builder-${builder}`,
          title: "start it again, or forget it",
          why: "inspect --bootstrap connects to each node and says what it finds; a builder that is gone for good only costs time.",
          commands: [
            `docker buildx inspect --bootstrap ${shellWord(builder)}`,
            `docker buildx rm ${shellWord(builder)}`,
          ],
          undo: [],
          // It is the user's: what becomes of it isn't for us to say.
          automatic: false,
          order: 40,
        },
      };
    });
  },
};
