import type { ErrorCodeInfo } from "./error-code-info.ts";

/** The part of the table of error codes that is about running images; 126 and 127 as shells and docker have them. */
export const trialCodes = {
  TRIAL_ENGINE_MISSING: {
    title: "Nothing here can run a container",
    exit: 2,
    hint: "Install runc (the package is called so everywhere), docker or podman.",
  },
  EMULATION_MISSING: {
    title: "This machine can't run the platform's programs",
    exit: 1,
    hint: "Install qemu-user-static, or give an emulator with --emulator.",
  },
  TRIAL_FAILED: {
    title: "The container can't be started",
    exit: 1,
    hint: "The engine's own message says why; --engine chooses another.",
  },
  TRIAL_NO_COMMAND: {
    title: "There is no command to run",
    exit: 2,
    hint: "Write it after the image: anyarch run IMAGE -- COMMAND.",
  },
  TRIAL_USER_UNKNOWN: {
    title: "The image doesn't know the user",
    exit: 2,
    hint: "Give a number with --user.",
  },
  TRIAL_COMMAND_MISSING: {
    title: "The image lacks the command",
    exit: 127,
    hint: "Check its name, and that it is in a directory of the image's PATH.",
  },
  TRIAL_NOT_EXECUTABLE: {
    title: "The command can't be executed",
    exit: 126,
    hint: "`anyarch verify IMAGE` says whether its files are for the platform that it names.",
  },
} as const satisfies Record<string, ErrorCodeInfo>;
