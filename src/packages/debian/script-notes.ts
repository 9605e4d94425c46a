import type { OpenedPackage } from "./deb-store.ts";
import { findAlternatives } from "./alternatives.ts";

/** A package whose scripts dpkg would have run when installing it, and what was done instead. */
export interface ScriptNote {
  readonly package: string;
  /** "preinst", "postinst". */
  readonly scripts: readonly string[];
  /** One sentence for people. */
  readonly handled: string;
}

/** Packages whose installation scripts this program knows and stands in for. */
const known: Readonly<Record<string, string>> = {
  adduser: "nothing to do on a new system",
  "base-files": "default files, directories and links made",
  "base-passwd": "/etc/passwd and /etc/group made from the master files; no shadow files",
  "ca-certificates":
    "the bundle, /etc/ssl/certs and its hash links made from all certificates of the package",
  dash: "/bin/sh is the package's own link to dash",
  debconf: "nothing to do: questions keep their defaults",
  "libc-bin": "/etc/nsswitch.conf made; no ld.so.cache, the default library paths are searched",
  libc6: "nothing to do on a new system",
  netbase: "/etc/networks made; /etc/hosts is the container runtime's",
  passwd: "no shadow files: passwords stay locked",
  openssl: "nothing to do: the package has /usr/lib/ssl",
};

/** What scripts commonly do, and what became of it. */
const habits: readonly (readonly [RegExp, string])[] = [
  [/\b(?:adduser|addgroup|useradd|groupadd|systemd-sysusers)\b/, "users and groups it creates are missing"],
  [
    /\b(?:deb-systemd-helper|deb-systemd-invoke|systemctl|update-rc\.d|invoke-rc\.d)\b/,
    "services aren't enabled",
  ],
  [/\bpam-auth-update\b/, "PAM profiles aren't set up"],
  [/\bsystemd-tmpfiles\b/, "temporary files aren't made"],
  [/\b(?:update-initramfs|depmod|update-grub)\b/, "boot files aren't made"],
  [/\b(?:py3?compile|py_compile)/, "Python byte code isn't precompiled"],
  [/\bdpkg-divert\b/, "diversions aren't made"],
  [/\bsetcap\b/, "file capabilities aren't set"],
  [/\bldconfig\b/, "no ld.so.cache is needed"],
  [/\b(?:db_get|db_input|confmodule)\b/, "questions keep their defaults"],
  [/\bdpkg-maintscript-helper\b/, "it has work to do for upgrades only"],
];

/** Notes for the packages with a preinst or postinst, sorted by package. */
export function scriptNotes(packages: readonly OpenedPackage[]): ScriptNote[] {
  const notes: ScriptNote[] = [];
  for (const one of packages) {
    const scripts = (["preinst", "postinst"] as const).filter((name) => one.texts[name] !== "");
    const { name } = one.locked;
    if (scripts.length > 0) notes.push({ package: name, scripts, handled: `${describe(one)}.` });
  }
  return notes;
}

function describe(one: OpenedPackage): string {
  const { name } = one.locked;
  const standIn = known[name];
  if (standIn !== undefined) return standIn;
  const script = withoutComments(one.texts.postinst + one.texts.preinst);
  const found = findAlternatives(one.texts.postinst);
  const parts: string[] = [];
  if (found.alternatives.length > 0) {
    const names = [...new Set(found.alternatives.map((alternative) => alternative.name))];
    parts.push(`alternatives set: ${names.join(", ")}`);
  }
  if (found.unreadable > 0) parts.push(`${found.unreadable} alternatives with computed names aren't set`);
  for (const [pattern, consequence] of habits) if (pattern.test(script)) parts.push(consequence);
  return parts.length > 0 ? parts.join("; ") : "it wasn't run, and what it does isn't known";
}

function withoutComments(script: string): string {
  return script.replace(/^\s*#.*$/gm, "");
}
