import type { Check } from "../check.ts";
import { builders } from "../facts/builders.ts";
import { compare } from "../facts/interpreter.ts";
import { machine } from "../facts/machine.ts";
import { said, textOf } from "../probe.ts";

export const check: Check = {
  id: "selinux",
  title: "SELinux",
  group: "machine",
  expected: "off, permissive, or a BuildKit from 0.27 on",
  why: "Where SELinux enforces, BuildKits before 0.27 fail to copy their emulator into a build (security.selinux can't be set), and binds of files need a label (:z).",
  measured: "/sys/fs/selinux/enforce, getenforce, BuildKit's versions of docker buildx ls",
  async examine(x) {
    const { os } = await x.fact(machine);
    if (os !== "linux") return { status: "skip", found: "in Docker's virtual machine" };
    const state = await said(x.probe, "getenforce", []);
    const enforcing =
      (await textOf(x.probe, "/sys/fs/selinux/enforce")).trim() === "1" || state === "Enforcing";
    if (!enforcing) return { status: "ok", found: state === undefined ? "not in use" : state.toLowerCase() };
    const old = ((await x.fact(builders)) ?? []).filter(({ nodes }) =>
      nodes.some(
        ({ version }) =>
          version !== undefined && !version.startsWith("v0.0.0") && compare(version.slice(1), "0.27") < 0,
      ),
    );
    if (old.length === 0) return { status: "ok", found: "enforcing" };
    return {
      status: "warn",
      found: `enforcing, and BuildKit is older than 0.27 in ${old.map(({ name }) => name).join(", ")}`,
    };
  },
};
