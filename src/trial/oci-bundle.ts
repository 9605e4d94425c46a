import { existsSync } from "node:fs";
import type { ContainerUser } from "./image-user.ts";
import type { VolumeMount } from "./trial-process.ts";

/** What a bundle's config.json is made of. */
export interface BundleSettings {
  /** Absolute path of the root filesystem. */
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user: ContainerUser;
  readonly tty: boolean;
  readonly volumes: readonly VolumeMount[];
  readonly network: "host" | "none";
  /** A user namespace and who is who in it: who isn't root needs one. */
  readonly userNamespace?: {
    readonly uids: readonly IdMapping[];
    readonly gids: readonly IdMapping[];
  };
  /** Files of the host that the container needs under a path of its own. */
  readonly files: readonly VolumeMount[];
  /** Registers an emulator in the user namespace's own binfmt_misc. */
  readonly binfmtLine?: string;
}

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** What docker gives a container. */
const capabilities = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FSETID",
  "FOWNER",
  "MKNOD",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SETFCAP",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "KILL",
  "AUDIT_WRITE",
].map((name) => `CAP_${name}`);

const maskedPaths = [
  ...[
    "acpi",
    "asound",
    "kcore",
    "keys",
    "latency_stats",
    "timer_list",
    "timer_stats",
    "sched_debug",
    "scsi",
  ].map((name) => `/proc/${name}`),
  "/sys/firmware",
];
const readonlyPaths = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

/** Where the table of a container that brings its own emulator is mounted: in the container's own /dev. */
const privateTable = ".binfmt_misc";

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * config.json of the OCI runtime-spec for a container that shares the machine's network (or has none) and its host
 * name, and nothing else: its processes, mounts and System V objects are its own.
 */
export function bundleConfig(settings: BundleSettings): unknown {
  const { user, userNamespace, network } = settings;
  const isRoot = user.uid === 0;
  const held = isRoot ? capabilities : [];
  const namespaces = [
    "pid",
    "ipc",
    "mount",
    ...(network === "none" ? ["network"] : []),
    ...(userNamespace === undefined ? [] : ["user"]),
  ];
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: settings.tty,
      user: {
        uid: user.uid,
        gid: user.gid,
        ...(user.additionalGids.length > 0 && { additionalGids: user.additionalGids }),
      },
      args: settings.args,
      env: Object.entries(settings.env).map(([name, value]) => `${name}=${value}`),
      cwd: settings.cwd,
      capabilities: { bounding: capabilities, effective: held, permitted: held },
    },
    root: { path: settings.rootfs, readonly: false },
    mounts: [
      ...systemMounts(settings),
      ...hostFiles(),
      ...settings.files.map(bind),
      ...settings.volumes.map(bind),
    ],
    ...(settings.binfmtLine !== undefined && {
      hooks: { createContainer: [tableHook(settings.binfmtLine)] },
    }),
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      ...(userNamespace && { uidMappings: userNamespace.uids, gidMappings: userNamespace.gids }),
      maskedPaths,
      readonlyPaths,
    },
  };
}

function systemMounts({ userNamespace, network }: BundleSettings): readonly Mount[] {
  const mount = (destination: string, type: string, ...options: string[]): Mount => ({
    destination,
    type,
    source: type,
    options: ["nosuid", ...options],
  });
  // sysfs shows the network, so that only who owns the network's namespace may mount it.
  const ownsNetwork = userNamespace === undefined || network === "none";
  const sys: Mount = ownsNetwork
    ? mount("/sys", "sysfs", "noexec", "nodev", "ro")
    : {
        destination: "/sys",
        type: "none",
        source: "/sys",
        options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
      };
  return [
    mount("/proc", "proc", "noexec", "nodev"),
    mount("/dev", "tmpfs", "strictatime", "mode=755", "size=65536k"),
    // The group tty is one that a single-id map doesn't have.
    mount("/dev/pts", "devpts", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
    mount("/dev/shm", "tmpfs", "noexec", "nodev", "mode=1777", "size=65536k"),
    sys,
  ];
}

/** Names are looked up as on the host, whose network it is. */
function hostFiles(): readonly Mount[] {
  return ["/etc/resolv.conf", "/etc/hosts"]
    .filter((path) => existsSync(path))
    .map((path) => bind({ source: path, target: path, readOnly: true }));
}

function bind({ source, target, readOnly }: VolumeMount): Mount {
  return { destination: target, type: "bind", source, options: ["rbind", readOnly ? "ro" : "rw"] };
}

/** Runs in the container's namespaces, with the host's files still in sight and the new root as working directory. */
function tableHook(line: string): unknown {
  const script =
    'mkdir "dev/$1" && mount -t binfmt_misc binfmt_misc "dev/$1" && printf %s "$2" > "dev/$1/register"';
  return {
    path: "/bin/sh",
    args: ["sh", "-c", script, "sh", privateTable, line],
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
  };
}
