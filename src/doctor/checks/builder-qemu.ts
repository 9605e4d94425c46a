import type { Check, Finding } from "../check.ts";
import { abilityOf, type BuildNode, buildNodes } from "../facts/build-nodes.ts";
import { foreignPlatforms } from "../facts/emulation.ts";
import { brokenWith, compare } from "../facts/interpreter.ts";

/** BuildKit's image from that version on → the QEMU in it (its Dockerfile's BINFMT_VERSION). */
const brought: readonly (readonly [buildkit: string, qemu: string])[] = [
  ["0.31", "10.2.3"],
  ["0.29", "10.2.1"],
  ["0.28", "10.1.3"],
  ["0.25", "10.0.4"],
  ["0.21", "9.2.2"],
  ["0.20", "9.2.0"],
  ["0.19", "7.1"],
];

export const check: Check = {
  id: "builder-qemu",
  title: "The QEMU that builders bring",
  group: "builders",
  expected: "a version that no breakage is known of",
  why: "BuildKit's image holds emulators of its own, which it uses where the kernel's table has none for a platform: their version is that of the image, and nothing on the machine shows it.",
  measured: "BuildKit's version, for platforms that a builder emulates and the kernel's table doesn't have",
  async examine(x) {
    const bare = (await x.fact(foreignPlatforms)).filter(
      ({ entries, runs }) => !runs && entries[0]?.enabled !== true,
    );
    const { usable } = await x.fact(buildNodes);
    const findings = usable.flatMap((node): readonly Finding[] => {
      // A builder that wasn't tried lists these only where it was made for them.
      const emulated = bare.filter(({ platform }) =>
        /^(?:emulated|listed)$/.test(abilityOf(node, platform) ?? ""),
      );
      const qemu = node.driver === "docker-container" ? broughtBy(node) : undefined;
      if (emulated.length === 0 || qemu === undefined) return [];
      const found = `QEMU ${qemu} of BuildKit ${node.version ?? ""} runs ${emulated.map(({ name }) => name).join(", ")}`;
      const breakage = brokenWith(qemu);
      if (breakage === undefined) return [{ status: "ok", subject: node.name, found }];
      return [{ status: "warn", subject: node.name, found: `${found}: ${breakage}`, fix: newer() }];
    });
    return findings.length > 0 ? findings : { status: "skip", found: "no builder emulates by its own" };
  },
};

function broughtBy({ version = "" }: BuildNode): string | undefined {
  const number = version.replace(/^v/, "");
  return brought.find(([from]) => compare(number, from) >= 0)?.[1];
}

/** The builder is the user's: it isn't made anew without them. */
function newer(): NonNullable<Finding["fix"]> {
  return {
    key: "newer-buildkit",
    title: "use a builder with a newer BuildKit, or register QEMU on the machine",
    why: "The image's QEMU goes with BuildKit's version; what the kernel has registered comes before it.",
    commands: [
      "docker buildx create --name newer --driver docker-container --driver-opt image=moby/buildkit:latest",
      "docker run --privileged --rm tonistiigi/binfmt --install all",
    ],
    undo: ["docker buildx rm newer"],
    automatic: false,
    order: 40,
  };
}
