import type { ImageConfig } from "../oci/image-config.ts";
import type { ImageTree } from "./image-tree.ts";

export interface StartCommand {
  /** As the config has it: "/bin/sh", "python3". */
  readonly word: string;
  /** The file that runs, links followed; undefined where there is none. */
  readonly path: string | undefined;
}

/** What container runtimes search where the config sets no PATH. */
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The directories of the config's PATH. */
export function searchPath(config: ImageConfig): readonly string[] {
  const set = config.config?.Env?.find((variable) => variable.startsWith("PATH="));
  return (set?.slice("PATH=".length) ?? usualPath).split(":").filter((folder) => folder !== "");
}

/** The program that the config starts: its entrypoint, else its command. Undefined where it names none. */
export function startCommand(config: ImageConfig, tree: ImageTree): StartCommand | undefined {
  const { Entrypoint: entrypoint, Cmd: cmd, WorkingDir: directory = "/" } = config.config ?? {};
  const word = [...(entrypoint ?? []), ...(cmd ?? [])][0];
  if (word === undefined || word === "") return undefined;
  if (word.includes("/")) {
    return { word, path: tree.resolve(word.startsWith("/") ? word : `${directory}/${word}`) };
  }
  const found = searchPath(config).map((folder) => tree.resolve(`${folder}/${word}`));
  return { word, path: found.find((path) => path !== undefined) };
}
