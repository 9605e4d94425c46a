import type { Entry } from "../../archive/entry.ts";
import { readEntryContent } from "../../archive/entry-content.ts";
import type { OpenedPackage } from "./deb-store.ts";
import { type Certificate, caCertificates } from "./ca-certificates.ts";
import { directory, textFile } from "./dpkg-database.ts";
import type { FileTree } from "./file-tree.ts";
import { usrLinks } from "./usr-merge.ts";

/** Version numbers by which scanners know a release; a suite that isn't here has none yet. */
const releaseNumbers: Readonly<Record<string, string>> = {
  buster: "10",
  bullseye: "11",
  bookworm: "12",
  trixie: "13",
  forky: "14",
};

/**
 * Adds to the tree what a system needs and what the maintainer scripts of the base packages would make, where no
 * package has it: the links of merged /usr, the minimal directories, users and groups, name service, trust anchors.
 */
export function addSystemFiles(tree: FileTree, packages: readonly OpenedPackage[], suite: string): void {
  const has = (name: string): OpenedPackage | undefined => packages.find((one) => one.locked.name === name);
  const add = (entry: Entry, owner?: OpenedPackage): void => {
    if (!tree.has(entry.path)) tree.set(entry.path, { entry, owner });
  };
  const copy = (from: string, to: string): boolean => {
    const source = tree.get(from)?.entry;
    if (source?.type !== "file") return false;
    add({ ...source, path: to });
    return true;
  };
  for (const name of usrLinks(tree.keys())) {
    add(directory(`usr/${name}`));
    add(symlink(name, `usr/${name}`));
  }
  if (has("base-files")) addBaseFiles(tree, add, copy);
  for (const entry of minimalDirectories) add(entry);
  if (has("ca-certificates")) {
    for (const entry of caCertificates(readCertificates(tree))) add(entry, has("ca-certificates"));
  }
  if (has("openssl")) add(symlink("usr/lib/ssl", "/etc/ssl"));
  if (has("netbase"))
    add(textFile("etc/networks", "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n"));
  for (const one of packages) {
    const python = /^(python3\.\d+)-minimal$/.exec(one.locked.name)?.[1];
    if (python !== undefined) add(directory(`usr/local/lib/${python}/dist-packages`));
  }
  if (!copy("usr/share/base-passwd/passwd.master", "etc/passwd")) add(textFile("etc/passwd", accounts(tree)));
  if (!copy("usr/share/base-passwd/group.master", "etc/group")) add(textFile("etc/group", groups));
  if (!copy("usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"))
    add(textFile("etc/nsswitch.conf", nameService));
  if (!tree.has("usr/lib/os-release")) {
    add(textFile("usr/lib/os-release", osRelease(suite)));
    add(symlink("etc/os-release", "../usr/lib/os-release"));
  }
}

const minimalDirectories: readonly Entry[] = [
  ...["dev", "etc", "home", "proc", "run", "sys", "usr/local", "usr/local/bin", "var/lib", "var/log"].map(
    (path) => directory(path),
  ),
  directory("root", 0o700),
  directory("tmp", 0o1777),
  directory("var/tmp", 0o1777),
];

const groups = "root:x:0:\nnogroup:x:65534:\n";
const nameService = "passwd:\tfiles\ngroup:\tfiles\nshadow:\tfiles\nhosts:\tfiles dns\nnetworks:\tfiles\n";

function accounts(tree: FileTree): string {
  const shell = ["bash", "sh"].find((name) => tree.has(`usr/bin/${name}`));
  const rootShell = shell === undefined ? "/usr/sbin/nologin" : `/bin/${shell}`;
  return `root:x:0:0:root:/root:${rootShell}\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`;
}

/** So that scanners know the distribution where base-files, which has the real file, isn't installed. */
function osRelease(suite: string): string {
  const number = releaseNumbers[suite];
  const lines = [
    `PRETTY_NAME="Debian GNU/Linux ${number === undefined ? suite : `${number} (${suite})`}"`,
    'NAME="Debian GNU/Linux"',
    ...(number === undefined ? [] : [`VERSION_ID="${number}"`, `VERSION="${number} (${suite})"`]),
    `VERSION_CODENAME=${suite}`,
    "ID=debian",
    'HOME_URL="https://www.debian.org/"',
  ];
  return `${lines.join("\n")}\n`;
}

function symlink(path: string, target: string): Entry {
  return { type: "symlink", path, mode: 0o777, target };
}

/** What base-files' postinst does on a new system. */
function addBaseFiles(
  tree: FileTree,
  add: (entry: Entry) => void,
  copy: (from: string, to: string) => boolean,
): void {
  for (const [from, to] of [
    ["dot.profile", "root/.profile"],
    ["dot.bashrc", "root/.bashrc"],
    ["profile", "etc/profile"],
    ["motd", "etc/motd"],
  ]) {
    copy(`usr/share/base-files/${from}`, to ?? "");
  }
  for (const path of ["mnt", "srv", "opt", "etc/opt", "var/opt", "media"]) add(directory(path));
  for (const path of ["share", "share/man", "bin", "games", "lib", "include", "sbin", "src", "etc"]) {
    add(directory(`usr/local/${path}`));
  }
  add({ type: "directory", path: "var/mail", mode: 0o2775, gid: 8 }); // Group mail.
  add(symlink("var/spool/mail", "../mail"));
  add(symlink("usr/local/man", "share/man"));
  add(symlink("etc/dpkg/origins/default", "debian"));
  add(directory("run/lock", 0o1777));
  replaceWithLink(tree, "var/run", "run");
  replaceWithLink(tree, "var/lock", "run/lock");
}

/** Makes `path` a link to the absolute `target`, and moves there what packages have below it. */
function replaceWithLink(tree: FileTree, path: string, target: string): void {
  for (const [below, placed] of tree) {
    if (!below.startsWith(`${path}/`)) continue;
    tree.delete(below);
    const moved = target + below.slice(path.length);
    if (!tree.has(moved)) tree.set(moved, { ...placed, entry: { ...placed.entry, path: moved } });
  }
  tree.set(path, { entry: symlink(path, `/${target}`), owner: undefined });
}

function readCertificates(tree: FileTree): Certificate[] {
  const found: Certificate[] = [];
  for (const [path, { entry }] of tree) {
    if (entry.type !== "file" || !/^usr\/share\/ca-certificates\/.+\.crt$/.test(path)) continue;
    found.push({ path, pem: readEntryContent(entry).toString("utf8") });
  }
  return found;
}
