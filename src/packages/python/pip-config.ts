import type { IndexConfig } from "./index-config.ts";

/** Where a build stage finds the authorities of {@link pipConfig}. */
const authorities = "/run/secrets/ca";

/**
 * pip.conf for a machine that knows nothing of this one's configuration: indexes with their credentials, so that it is
 * a secret. Directories of this machine are left out. Where no index is configured, pip's own is asked.
 */
export function pipConfig(config: IndexConfig): string {
  const { useDefault, findLinks, trustedHosts, certificates } = config;
  const [main, ...others] = config.indexes;
  const lines: string[] = ["[global]"];
  const add = (key: string, values: readonly string[]): void => {
    if (values.length > 0) lines.push(`${key} = ${values.join("\n    ")}`);
  };
  if (!useDefault && main === undefined) lines.push("no-index = true");
  add("index-url", useDefault || main === undefined ? [] : [main]);
  add("extra-index-url", useDefault ? config.indexes : others);
  add(
    "find-links",
    findLinks.filter((link) => /^https?:/.test(link)),
  );
  add("trusted-host", trustedHosts);
  if (certificates !== undefined) lines.push(`cert = ${authorities}`);
  return `${lines.join("\n")}\n`;
}
