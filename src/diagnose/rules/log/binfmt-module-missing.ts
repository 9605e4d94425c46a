import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "binfmt-module-missing",
  title: "The kernel module binfmt_misc isn't loaded on the host",
  architecture: false,
  patterns: [
    { line: /no such device/i, near: /binfmt/i, score: 95 },
    {
      line: /No binfmt support in the kernel|Module binfmt_misc not found|modprobe: .{0,60}binfmt_misc|binfmt_misc.{0,60}(?:no such device|not (?:loaded|available|supported)|unknown filesystem)|unknown filesystem type '?binfmt_misc/i,
      score: 95,
    },
    // Without the right to load modules it says the same.
    {
      line: /Couldn't load the binfmt_misc module/,
      nearNot: /[Pp]ermission denied|[Oo]peration not permitted|privileged/,
      score: 95,
    },
    {
      line: /(?:cannot (?:create|open|write)|write|open|can't create).{0,40}\/proc\/sys\/fs\/binfmt_misc\/(?:register|status).{0,80}(?:No such file|nonexistent)/i,
      score: 84,
    },
  ],
  above: ["privileged-required", "exec-format-error-no-emulation"],
  why: "Emulators are registered through the binfmt_misc file system. The host's kernel has it as a module that isn't loaded, or was built without it (minimal kernels, some container systems), or a newer kernel was installed and the machine not restarted. A container can't load it.",
  fixes: [
    {
      title: "Load the module on the host, then register",
      detail:
        "modprobe binfmt_misc && mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc\necho binfmt_misc > /etc/modules-load.d/binfmt.conf\ndocker run --privileged --rm tonistiigi/binfmt --install all\nIf modprobe doesn't find it: install linux-modules-extra-$(uname -r), or restart into the current kernel.",
    },
  ],
  references: ["https://github.com/vegardit/docker-gitea-act-runner/issues/51"],
  bad: [
    "No binfmt support in the kernel.\n  Try: '/sbin/modprobe binfmt_misc' from the host",
    "error: no such device\ncannot mount binfmt_misc filesystem at /proc/sys/fs/binfmt_misc\nmain.run\n\t/src/cmd/binfmt/main.go:183",
  ],
  good: ["error: operation not permitted\ncannot mount binfmt_misc filesystem at /proc/sys/fs/binfmt_misc"],
};
