import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "binfmt-flag-F-missing",
  title: "An emulator is registered, but the kernel looks for it inside the image (flag F is missing)",
  architecture: true,
  emulated: false,
  patterns: [
    {
      line: /exec (?:container process )?(?:\(missing dynamic library\?\) )?[`"']?(?:\/usr)?\/(?:bin|sbin)\/(?:ba|da|a)?sh[`"']?:? .{0,20}no such file or directory|exec user process caused:? "?no such file or directory/i,
      emulation: "likely",
      score: 84,
    },
    {
      line: /(?:exec|start_container|standard_init_linux|container process|chroot: failed to run command).{0,160}no such file or directory/i,
      log: /qemu|binfmt|multiarch\/|arm32v7|arm64v8|arm32v6|\b(?:armhf|armv7|aarch64|arm64|s390x|ppc64le)\b|linux\/arm/i,
      nearNot: /entrypoint|\.sh\b|\/app\//i,
      score: 80,
    },
    {
      line: /exec user process caused:? "?no such file or directory|exec (?:container process )?(?:\(missing dynamic library\?\) )?[`"']?\/bin\/sh[`"']?: no such file or directory/i,
      score: 58,
      confidence: "possible",
    },
    {
      line: /qemu-\w+(?:-static)?['":]? ?.{0,60}(?:no such file|not found)/i,
      nearNot: /ld-linux|ld-musl|Could not open '\/lib|register/,
      score: 84,
    },
    { line: /flags: *(?:|P|OC|POC|OCP|C|O)$/i, near: /interpreter .{0,60}qemu/i, score: 76 },
  ],
  above: ["exec-format-error-no-emulation", "glibc-vs-musl-mismatch"],
  why: 'The kernel knows a handler for this CPU, so it doesn\'t say "exec format error": it starts the interpreter by its path, and that path is looked up inside the container, where there is no qemu-…-static. With flag F (fix binary, kernel 4.8 and later) the kernel opens the emulator once, when it is registered. The file that "doesn\'t exist" is the emulator, not the shell.',
  fixes: [
    {
      title: "Register QEMU with flag F",
      detail:
        "docker run --privileged --rm tonistiigi/binfmt --uninstall 'qemu-*'\ndocker run --privileged --rm tonistiigi/binfmt --install all\ngrep flags /proc/sys/fs/binfmt_misc/qemu-aarch64 must show F. Of the distributions' packages take the static one (qemu-user-static).",
    },
    nativeNode,
    {
      title: "Or copy the emulator into the image",
      detail: "COPY qemu-aarch64-static /usr/bin/: the image then carries a foreign program.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/docker/buildx/issues/464",
    "https://github.com/docker-library/python/issues/363",
  ],
  bad: [
    "STEP 2/3: RUN apk add curl\nexec container process (missing dynamic library?) `/bin/sh`: No such file or directory\nplatform: linux/arm64",

    '#6 [linux/arm64 2/4] RUN apk add curl\n#6 0.211 exec /bin/sh: no such file or directory\n#6 ERROR: process "/bin/sh -c apk add curl" did not complete successfully: exit code: 1',
    'Step 2/5 : RUN apt-get update\n ---> Running in 0123456789ab\nstandard_init_linux.go:190: exec user process caused "no such file or directory"\nregistered with multiarch/qemu-user-static:register',
  ],
  good: ["exec /docker-entrypoint.sh: no such file or directory"],
};
