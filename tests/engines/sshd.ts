import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { makeTempDir } from "../../src/host/temp-dir.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { startEnclosed } from "./enclosure.ts";
import { needEngine } from "./install.ts";
import { run } from "./process.ts";

export interface SshdOptions {
  /** Who may log in; default: who runs the tests. */
  readonly user?: string;
  /** Of the commands that are run there: BUILDKIT_HOST and PATH, say. */
  readonly commandEnvironment?: Readonly<Record<string, string>>;
  /** Run in place of each command, which it finds in $SSH_ORIGINAL_COMMAND. */
  readonly forcedCommand?: string;
}

/** A host with an SSH server. */
export interface SshHost extends Stoppable {
  /** `127.0.0.1`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `ssh://USER@127.0.0.1:PORT`. */
  readonly url: string;
  /** The private key that may log in. */
  readonly identityFile: string;
  /** Knows the host's key; as its clients have it. */
  readonly knownHostsFile: string;
  /** Its line in known_hosts(5). */
  readonly knownHost: string;
  /** SIGKILL, to the server and to all that is connected to it. */
  kill(): Promise<void>;
  /** What the server wrote so far. */
  log(): Promise<string>;
}

export interface SshClient extends Stoppable {
  /** The ssh_config(5) that a user of these hosts would have in ~/.ssh/config. */
  readonly configFile: string;
  readonly knownHostsFile: string;
  /** For the beginning of PATH: an `ssh` that reads these files only. */
  readonly path: string;
}

async function makeKey(program: string, path: string): Promise<string> {
  await run(program, ["-q", "-t", "ed25519", "-N", "", "-C", "anyarch test", "-f", path]);
  return (await readFile(`${path}.pub`, "utf8")).trim();
}

async function writeServerConfig(
  directory: string,
  port: number,
  user: string,
  { commandEnvironment = {}, forcedCommand }: SshdOptions,
): Promise<string> {
  const set = Object.entries(commandEnvironment).map(([name, value]) => `${name}="${value}"`);
  const lines = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(directory, "host")}`,
    `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
    `PidFile none`,
    `AllowUsers ${user}`,
    "PermitRootLogin prohibit-password",
    "AuthenticationMethods publickey",
    "StrictModes no", // The folder for temporary files belongs to everybody.
    "UsePAM no",
    "UseDNS no",
    "PrintMotd no",
    "MaxStartups 100",
    "MaxSessions 100",
    ...(set.length > 0 ? [`SetEnv ${set.join(" ")}`] : []),
    ...(forcedCommand === undefined ? [] : [`ForceCommand ${forcedCommand}`]),
    "",
  ];
  const path = join(directory, "sshd_config");
  await writeFile(path, lines.join("\n"));
  return path;
}

/**
 * The list of users that only the server sees: with `sshd`, which its package's script would have made, and for our
 * user a home directory and a shell that are not the machine's, whose start-up files might change PATH. The empty
 * folder /run/sshd is made where it is missing and stays until the next boot.
 */
async function prepareUsers(directory: string, user: string): Promise<Record<string, string>> {
  await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  await mkdir(join(directory, "home"));
  const users = (await readFile("/etc/passwd", "utf8")).trimEnd().split("\n");
  const own = users.map((line) => {
    const [name, password, uid, gid, comment] = line.split(":");
    return name === user
      ? [name, password, uid, gid, comment, join(directory, "home"), "/bin/sh"].join(":")
      : line;
  });
  if (!users.some((line) => line.startsWith("sshd:"))) {
    own.push("sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin");
  }
  const path = join(directory, "passwd");
  await writeFile(path, `${own.join("\n")}\n`, { mode: 0o644 });
  return { "/etc/passwd": path };
}

/**
 * Starts OpenSSH's server on a free port of the loopback (0.2 s); only the key that it makes may log in. Commands run
 * as on any host, with `commandEnvironment`. Changes the machine in one thing: /run/sshd is made where it is missing.
 * Needs root; throws when the engine is missing.
 */
export async function startSshd(options: SshdOptions = {}): Promise<SshHost> {
  const engines = await needEngine("sshd");
  const user = options.user ?? userInfo().username;
  return await withCleanup(async (own) => {
    const { path: directory } = own(await makeTempDir());
    const file = (name: string): string => join(directory, name);
    const keygen = engines.program("ssh-keygen");
    const hostKey = await makeKey(keygen, file("host"));
    await writeFile(file("authorized_keys"), `${await makeKey(keygen, file("identity"))}\n`);
    const replaced = await prepareUsers(directory, user);
    const log = (): Promise<string> => readFile(file("sshd.log"), "utf8").catch(() => "");
    // It can't choose a port itself: another one is tried when somebody is faster.
    for (let attempt = 0; ; attempt += 1) {
      const port = await freePort();
      const config = await writeServerConfig(directory, port, user, options);
      try {
        const daemon = own(
          await startEnclosed(engines.program("sshd"), ["-D", "-f", config, "-E", file("sshd.log")], {
            replaced,
            ready: async () => (await log()).includes(`Server listening on 127.0.0.1 port ${port}`),
          }),
        );
        const knownHost = `[127.0.0.1]:${port} ${hostKey.split(" ").slice(0, 2).join(" ")}`;
        await writeFile(file("known_hosts"), `${knownHost}\n`);
        return {
          host: "127.0.0.1",
          port,
          user,
          url: `ssh://${user}@127.0.0.1:${port}`,
          knownHost,
          log,
          identityFile: file("identity"),
          knownHostsFile: file("known_hosts"),
          kill: () => daemon.stop(),
        };
      } catch (error) {
        if (attempt < 3 && (await log()).includes("Address already in use")) continue;
        throw new Error(`sshd didn't start: ${await log()}`, { cause: error });
      }
    }
  });
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * What a user has in ~/.ssh, in a folder of its own: an entry for each host, under its address and the given name.
 * OpenSSH takes the home directory from the list of users and not from $HOME, so an `ssh` for PATH names the files.
 * `knownHosts`: lines of known_hosts(5) in place of the true ones.
 */
export async function makeSshClient(
  hosts: Readonly<Record<string, SshHost>>,
  options: { readonly knownHosts?: readonly string[] } = {},
): Promise<SshClient> {
  const ssh = (await needEngine("sshd")).program("ssh");
  return await withCleanup(async (own) => {
    const { path: directory } = own(await makeTempDir());
    const file = (name: string): string => join(directory, name);
    const known = options.knownHosts ?? Object.values(hosts).map(({ knownHost }) => knownHost);
    await writeFile(file("known_hosts"), known.map((line) => `${line}\n`).join(""));
    const shared = [
      `UserKnownHostsFile ${file("known_hosts")}`,
      "GlobalKnownHostsFile /dev/null",
      "BatchMode yes",
    ];
    const named = Object.entries(hosts).map(([name, { host, port, user, identityFile }]) => [
      `Host ${name}`,
      `HostName ${host}`,
      `Port ${port}`,
      `User ${user}`,
      `IdentityFile ${identityFile}`,
      ...shared,
    ]);
    // Several servers share the address 127.0.0.1: their keys are tried one after the other.
    const keys = Object.values(hosts).map(({ identityFile }) => `IdentityFile ${identityFile}`);
    const entries = [...named, ["Host 127.0.0.1 localhost", ...keys, ...shared]];
    await writeFile(file("config"), entries.map((lines) => `${lines.join("\n  ")}\n`).join("\n"));
    await mkdir(file("bin"));
    await writeFile(file("bin/ssh"), `#!/bin/sh\nexec '${ssh}' -F '${file("config")}' "$@"\n`);
    await chmod(file("bin/ssh"), 0o755);
    return { configFile: file("config"), knownHostsFile: file("known_hosts"), path: file("bin") };
  });
}
