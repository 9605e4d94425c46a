import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../../host/context.ts";

/** Where apt's configuration lies: "/", or `$ANYARCH_APT_ROOT`. */
export interface AptRoot {
  /** A path of apt's configuration as it is on this machine; outside of the other root only where that lacks it. */
  resolve(path: string): string;
}

export function aptRoot(ctx: Context): AptRoot {
  const root = ctx.host.env["ANYARCH_APT_ROOT"];
  if (!root) return { resolve: (path) => path };
  return {
    resolve: (path) => {
      const inside = join(root, path);
      return path.startsWith("/etc/apt") || existsSync(inside) ? inside : path;
    },
  };
}
