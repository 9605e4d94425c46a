import * as v from "valibot";
import type { Check, Finding } from "../check.ts";
import { parse } from "../facts/docker.ts";
import { said } from "../probe.ts";

const schema = v.looseObject({
  credsStore: v.optional(v.string()),
  credHelpers: v.optional(v.nullable(v.record(v.string(), v.string()))),
});

export const check: Check = {
  id: "registry-credentials",
  title: "Programs that keep the registries' passwords",
  group: "network",
  expected: "each credsStore and credHelpers of Docker's configuration is a program in PATH",
  why: 'A helper that isn\'t there makes pulls and pushes fail, public images included, with "error getting credentials": in WSL and in containers a configuration often names a helper of Docker Desktop.',
  measured: "config.json (DOCKER_CONFIG, ~/.docker), command -v docker-credential-NAME",
  async examine(x) {
    const folder = x.probe.env("DOCKER_CONFIG") || `${x.probe.env("HOME") ?? ""}/.docker`;
    const file = await x.probe.read(`${folder}/config.json`);
    if (file.kind === "missing") return { status: "ok", found: "none is configured" };
    if (file.kind === "denied")
      return { status: "warn", found: `${folder}/config.json can't be read by this user` };
    const config = parse(schema, file.text);
    if (config === undefined)
      return { status: "warn", found: `${folder}/config.json isn't a configuration of Docker` };
    const names = new Set(
      [config.credsStore ?? "", ...Object.values(config.credHelpers ?? {})].filter((name) => name !== ""),
    );
    if (names.size === 0) return { status: "ok", found: "none is configured" };
    return Promise.all(
      [...names].map(async (name): Promise<Finding> => {
        const program = `docker-credential-${name}`;
        const path = /^[\w.-]+$/.test(name)
          ? await said(x.probe, "sh", ["-c", `command -v ${program}`])
          : undefined;
        if (path !== undefined) return { status: "ok", subject: name, found: path };
        return {
          status: "warn",
          subject: name,
          found: `${program} isn't in PATH`,
          fix: {
            key: `credential-helper-${name}`,
            title: "install the helper, or take its name out of the configuration",
            why: "Without credsStore docker keeps what docker login is given in the file itself, base64 and not encrypted.",
            commands: [
              `command -v ${program}`,
              `# or remove "${name}" from credsStore and credHelpers in ${folder}/config.json, then docker login`,
            ],
            undo: [],
            automatic: false,
            order: 5,
          },
        };
      }),
    );
  },
};
