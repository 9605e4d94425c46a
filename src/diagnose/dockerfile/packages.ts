import type { Use } from "./uses.ts";

/** apt, yum and their kin. */
const managers: Readonly<Record<string, readonly string[]>> = {
  apt: ["apt-get", "apt", "aptitude", "apt-fast", "install_packages", "clean-install"],
  rpm: ["yum", "dnf", "microdnf", "zypper", "tdnf", "dnf5", "rpm"],
  apk: ["apk"],
  pacman: ["pacman"],
};

const managerByProgram: ReadonlyMap<string, string> = new Map(
  Object.entries(managers).flatMap(([manager, programs]) =>
    programs.map((program): [string, string] => [program, manager]),
  ),
);

export function managerOf(use: Use): string | undefined {
  return managerByProgram.get(use.program);
}

export function isInstall(use: Use): boolean {
  const manager = managerOf(use);
  if (manager === undefined) return false;
  if (/^(?:install_packages|clean-install)$/.test(use.program)) return true;
  if (use.program === "rpm") return use.args.some((word) => /^-\w*[iU]|^--(?:install|upgrade)/.test(word));
  if (manager === "pacman") return use.args.some((word) => word.startsWith("-S"));
  return use.args.some((word) =>
    ["install", "add", "in", "localinstall", "reinstall", "build-dep"].includes(word),
  );
}

/** Names of packages to be installed, without versions. */
export function installedPackages(use: Use): { readonly name: string; readonly written: string }[] {
  if (!isInstall(use)) return [];
  const names: { name: string; written: string }[] = [];
  for (let index = 0; index < use.args.length; index++) {
    const word = use.args[index] ?? "";
    if (
      /^(?:-t|-o|-c|--target-release|--virtual|-X|--repository|--root|--enablerepo|--setopt|--disablerepo)$/.test(
        word,
      )
    )
      index++;
    else if (
      !word.startsWith("-") &&
      !/^(?:install|add|in|localinstall|reinstall|build-dep|upgrade|update)$/.test(word)
    ) {
      names.push({ name: word.replace(/[=<>~@].*$/, ""), written: word });
    }
  }
  return names;
}
