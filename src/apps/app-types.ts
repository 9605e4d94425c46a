import { AnyarchError } from "../errors/error.ts";
import type { AppType } from "./app-type.ts";

/** To add a kind of application, add its file and name it here; order decides where several fit. */
const loaders: readonly (() => Promise<AppType>)[] = [async () => (await import("./python.ts")).pythonApp];

/** The kind of application that a directory holds. Throws APP_UNKNOWN. */
export async function detectApp(directory: string): Promise<AppType> {
  const type = await findApp(directory);
  if (type !== undefined) return type;
  throw new AnyarchError("APP_UNKNOWN", `${directory} holds no application that is known.`, {
    hint: "A Python application has a pyproject.toml, requirements.txt, main.py or app.py. Is it the right directory?",
  });
}

/** Whether a directory holds an application that can be assembled without a Dockerfile. */
export async function knowsApp(directory: string): Promise<boolean> {
  return (await findApp(directory)) !== undefined;
}

async function findApp(directory: string): Promise<AppType | undefined> {
  for (const load of loaders) {
    const type = await load();
    if ((await type.detect(directory)) !== undefined) return type;
  }
  return undefined;
}
