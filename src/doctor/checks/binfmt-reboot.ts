import type { Check, Finding } from "../check.ts";
import { foreignPlatforms } from "../facts/emulation.ts";

/** Where systemd and binfmt-support keep what they register when the machine starts. */
const folders = [
  "/etc/binfmt.d",
  "/run/binfmt.d",
  "/usr/local/lib/binfmt.d",
  "/usr/lib/binfmt.d",
  "/var/lib/binfmts",
];

export const check: Check = {
  id: "binfmt-reboot",
  title: "Interpreters are registered again after a reboot",
  group: "emulation",
  expected: "a file for each in binfmt.d (systemd) or /var/lib/binfmts (binfmt-support)",
  why: "The table is the kernel's and empty after each start; what an image of a container registered is gone then (tonistiigi/binfmt#75, by design).",
  measured: folders.join(", "),
  async examine(x) {
    const matched = (await x.fact(foreignPlatforms)).filter(({ entries }) => entries[0]?.enabled === true);
    if (matched.length === 0) return { status: "skip", found: "no entry matches an asked platform" };
    const files = (await Promise.all(folders.map((folder) => x.probe.list(folder)))).flatMap(
      (names) => names ?? [],
    );
    return matched.map(({ name, entries }): Finding => {
      const [entry] = entries;
      const kept = files.some((file) => file.replace(/\.conf$/, "") === entry?.name);
      const found = kept
        ? "registered at each start"
        : "registered until the next reboot: run this again then, or install the distribution's qemu-user-static";
      return { status: "ok", subject: name, found };
    });
  },
};
