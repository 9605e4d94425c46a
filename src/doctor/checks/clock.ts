import { isAbort } from "../../errors/error.ts";
import { type Check, type Examination } from "../check.ts";
import { machine } from "../facts/machine.ts";
import { said } from "../probe.ts";

/** Seconds that certificates and signed logins bear. */
const bearable = 60;

export const check: Check = {
  id: "clock",
  title: "The clock",
  group: "network",
  expected: `within ${bearable} seconds of the registry's`,
  why: 'A clock that is off makes valid certificates invalid, apt refuse "not yet valid" lists, and logins expire at once. Virtual machines lose time while the laptop sleeps (WSL).',
  measured:
    "date -u, compared with the Date header of the registry's answer; nothing is asked where no registry is configured",
  async examine(x) {
    const [registry] = x.registries;
    if (registry === undefined) return { status: "skip", found: "no registry is configured to compare with" };
    const theirs = await dateOf(registry, x);
    if (theirs === undefined) return { status: "skip", found: `${registry} doesn't answer, or says no date` };
    // The machine that is examined needs not be this one; what passes between the two is less than a second.
    const own = await said(x.probe, "date", ["-u", "+%s"]);
    if (own === undefined || !/^\d+$/.test(own)) return { status: "skip", found: "the machine says no time" };
    const off = Math.round(Number(own) - theirs.at / 1000 - (performance.now() - theirs.asked) / 1000);
    if (Math.abs(off) <= bearable) return { status: "ok", found: `${Math.abs(off)} s off ${registry}'s` };
    const { wsl } = await x.fact(machine);
    return {
      status: "warn",
      found: `${Math.abs(off)} s ${off > 0 ? "ahead of" : "behind"} ${registry}'s`,
      fix: {
        key: "clock",
        title: "set the clock",
        why: "A time server keeps it right from then on.",
        commands:
          wsl === undefined ? ["sudo timedatectl set-ntp true"] : ["sudo hwclock -s", "wsl.exe --shutdown"],
        undo: [],
        automatic: false,
        order: 5,
      },
    };
  },
};

async function dateOf(
  registry: string,
  { ctx }: Examination,
): Promise<{ readonly at: number; readonly asked: number } | undefined> {
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const local = /^(?:localhost|127\.|\[::1\])/.test(host);
  for (const scheme of local ? ["http", "https"] : ["https"]) {
    try {
      const limit = AbortSignal.any([ctx.signal, AbortSignal.timeout(5000)]);
      const url = new URL(`${scheme}://${host}/v2/`);
      const { headers, body } = await ctx.host.request({
        method: "GET",
        url,
        signal: limit,
        idleTimeoutMs: 5000,
      });
      body.destroy();
      const at = Date.parse(headers.date ?? "");
      if (!Number.isNaN(at)) return { at, asked: performance.now() };
    } catch (error) {
      if (isAbort(error) && ctx.signal.aborted) throw error;
    }
  }
  return undefined;
}
