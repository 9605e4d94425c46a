import type { Check } from "./check.ts";
import { check as appleSilicon } from "./checks/apple-silicon.ts";
import { check as binfmtFlags } from "./checks/binfmt-flags.ts";
import { check as binfmtHandler } from "./checks/binfmt-handler.ts";
import { check as binfmtInterpreter } from "./checks/binfmt-interpreter.ts";
import { check as binfmtMounted } from "./checks/binfmt-mounted.ts";
import { check as binfmtReboot } from "./checks/binfmt-reboot.ts";
import { check as builderDown } from "./checks/builder-down.ts";
import { check as builderQemu } from "./checks/builder-qemu.ts";
import { check as builderStale } from "./checks/builder-stale.ts";
import { check as builders } from "./checks/builders.ts";
import { check as buildx } from "./checks/buildx.ts";
import { check as cgroups } from "./checks/cgroups.ts";
import { check as clock } from "./checks/clock.ts";
import { check as container } from "./checks/container.ts";
import { check as containerdStore } from "./checks/containerd-store.ts";
import { check as registryCredentials } from "./checks/registry-credentials.ts";
import { check as disk } from "./checks/disk.ts";
import { check as dockerArchitecture } from "./checks/docker-architecture.ts";
import { check as dockerClient } from "./checks/docker-client.ts";
import { check as dockerContext } from "./checks/docker-context.ts";
import { check as dockerServer } from "./checks/docker-server.ts";
import { check as emulator } from "./checks/emulator.ts";
import { check as foreignRun } from "./checks/foreign-run.ts";
import { check as node } from "./checks/node.ts";
import { check as platform } from "./checks/platform.ts";
import { check as privileged } from "./checks/privileged.ts";
import { check as proxy } from "./checks/proxy.ts";
import { check as qemuVersion } from "./checks/qemu-version.ts";
import { check as selinux } from "./checks/selinux.ts";
import { check as ssh } from "./checks/ssh.ts";
import { check as userNamespaces } from "./checks/user-namespaces.ts";
import { check as wslInterop } from "./checks/wsl-interop.ts";

/** Every check, in the order in which they are shown; a test compares it with the files. */
export const checks: readonly Check[] = [
  platform,
  binfmtMounted,
  binfmtHandler,
  binfmtFlags,
  binfmtInterpreter,
  qemuVersion,
  foreignRun,
  emulator,
  binfmtReboot,
  wslInterop,
  dockerClient,
  dockerServer,
  dockerContext,
  dockerArchitecture,
  containerdStore,
  buildx,
  builders,
  builderDown,
  builderStale,
  builderQemu,
  container,
  privileged,
  cgroups,
  userNamespaces,
  selinux,
  appleSilicon,
  disk,
  node,
  registryCredentials,
  proxy,
  clock,
  ssh,
];
