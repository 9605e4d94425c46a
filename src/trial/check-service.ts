import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../host/context.ts";
import { timed, told } from "./check-result.ts";
import type { CheckResult, CheckScene, HttpCheck } from "./checks.ts";
import { accepts, type Address, httpGet } from "./probe-service.ts";
import type { ProcessEnd } from "./trial-process.ts";

const pollMs = 100;

type Verdict = { readonly ok: boolean; readonly message?: string };

/** A container of the image's own command, and whether it has ended by itself. */
interface Service {
  readonly ended: () => ProcessEnd | undefined;
  /** Undefined until the engine has published the port. */
  readonly addressOf: (port: number) => Promise<Address | undefined>;
  readonly deadline: number;
}

/** Starts the image's own command and asks its ports until they answer or the time is over; then ends it. */
export async function checkService(scene: CheckScene, ctx: Context): Promise<readonly CheckResult[]> {
  const { trial, checks } = scene;
  const { readyTimeoutMs = 60_000, network, env } = checks;
  const ports = [...new Set([...checks.ports, ...checks.http.map(({ port }) => port)])];
  const shares = trial.engine === "runc" || network === "host";
  const taken = shares ? await firstTaken(ports) : undefined;
  if (taken !== undefined) {
    const message = `port ${taken} of this machine is in use already, and the container shares it`;
    return named(scene).map(({ kind, name }) => ({ kind, name, status: "failed", durationMs: 0, message }));
  }
  const stop = new AbortController();
  let end: ProcessEnd | undefined;
  const running = trial
    .run({
      stop: stop.signal,
      ...(env && { env }),
      ...(network !== undefined && { network }),
      ...(!shares && {
        ports: ports.map((port) => ({
          address: "127.0.0.1",
          host: 0,
          container: port,
          protocol: "tcp" as const,
        })),
      }),
    })
    .then((result) => (end = result))
    .catch((error: unknown) => {
      end = { code: 1, stdout: "", stderr: error instanceof Error ? error.message : "", durationMs: 0 };
    });
  const service: Service = {
    ended: () => end,
    addressOf: (port) => trial.addressOf(port),
    deadline: performance.now() + readyTimeoutMs,
  };
  try {
    const results: CheckResult[] = [];
    for (const { kind, name, ask } of named(scene)) {
      results.push(await timed(kind, name, ctx, () => untilReady(service, ask, ctx)));
    }
    return results;
  } finally {
    stop.abort();
    await running;
  }
}

interface NamedCheck {
  readonly kind: "port" | "http";
  readonly name: string;
  readonly ask: (service: Service) => Promise<Verdict>;
}

function named({ checks }: CheckScene): readonly NamedCheck[] {
  return [
    ...checks.ports.map((port): NamedCheck => ({
      kind: "port",
      name: `port ${port}`,
      ask: (service) => askPort(service, port),
    })),
    ...checks.http.map((check): NamedCheck => ({
      kind: "http",
      name: `GET :${check.port}${check.path ?? "/"}`,
      ask: (service) => askHttp(service, check),
    })),
  ];
}

async function askPort(service: Service, port: number): Promise<Verdict> {
  const address = await service.addressOf(port);
  const ok = address !== undefined && (await accepts(address));
  return ok ? { ok } : { ok, message: "nothing listens on it" };
}

async function askHttp(service: Service, check: HttpCheck): Promise<Verdict> {
  const address = await service.addressOf(check.port);
  const answer = address === undefined ? "nothing listens on it" : await httpGet(address, check.path ?? "/");
  if (typeof answer === "string") return { ok: false, message: answer };
  const { status, body } = answer;
  if (check.status === undefined ? status >= 400 : status !== check.status) {
    return { ok: false, message: `it answers ${status}` };
  }
  if (check.contains !== undefined && !body.includes(check.contains)) {
    return { ok: false, message: `its answer lacks ${JSON.stringify(check.contains)}` };
  }
  return { ok: true, message: `${status}` };
}

async function untilReady(service: Service, ask: NamedCheck["ask"], ctx: Context): Promise<Verdict> {
  for (;;) {
    const verdict = await ask(service);
    if (verdict.ok) return verdict;
    const end = service.ended();
    if (end !== undefined) return { ok: false, message: `the image's command ended: ${told(end)}` };
    if (performance.now() >= service.deadline)
      return { ok: false, message: `${verdict.message ?? ""} in time` };
    await sleep(pollMs, undefined, { signal: ctx.signal });
  }
}

async function firstTaken(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) if (await accepts({ host: "127.0.0.1", port })) return port;
  return undefined;
}
