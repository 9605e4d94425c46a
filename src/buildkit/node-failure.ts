import { AnyarchError, systemCode } from "../errors/error.ts";

/** BUILDER_UNREACHABLE: which node, what happened, what to do. */
export function unreachable(name: string, why: string, cause?: unknown, hint?: string): AnyarchError {
  return new AnyarchError("BUILDER_UNREACHABLE", `${name} can't be reached: ${why}.`, { cause, hint });
}

interface Judgement {
  readonly pattern: RegExp;
  readonly code:
    | "BUILDER_UNREACHABLE"
    | "BUILDER_UNTRUSTED"
    | "BUILDER_UNAUTHORIZED"
    | "BUILDER_TOOL_MISSING";
  readonly why: string;
  readonly hint?: string;
}

const renew = "Renew the certificate on that machine; check the clocks of both.";
const authority =
  "Give the authority that signed it (tcp://HOST:PORT?ca=FILE), after making sure that it is the right machine.";
const naming = "Use the name that the certificate was made for, or give it with ?servername=NAME.";
const client =
  "Give a client certificate that the builder accepts: tcp://HOST:PORT?ca=FILE&cert=FILE&key=FILE.";

/** TLS, by the codes of Node.js (OpenSSL) and the words of Go's crypto/tls. */
const tlsJudgements: readonly Judgement[] = [
  {
    pattern: /CERT_HAS_EXPIRED|certificate has expired/i,
    code: "BUILDER_UNTRUSTED",
    why: "its TLS certificate has expired",
    hint: renew,
  },
  {
    pattern: /CERT_NOT_YET_VALID|certificate is not yet valid/i,
    code: "BUILDER_UNTRUSTED",
    why: "its TLS certificate isn't valid yet",
    hint: renew,
  },
  {
    pattern:
      /ERR_TLS_CERT_ALTNAME_INVALID|certificate is (?:valid for|not valid for any)|doesn't contain any IP SANs/i,
    code: "BUILDER_UNTRUSTED",
    why: "its TLS certificate is for another name",
    hint: naming,
  },
  {
    // What the other side says of our certificate; before the authorities, whose words it shares.
    pattern:
      /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|ACCESS_DENIED|HANDSHAKE_FAILURE)|remote error: tls: /i,
    code: "BUILDER_UNAUTHORIZED",
    why: "it refuses the client's TLS certificate, or misses one",
    hint: client,
  },
  {
    pattern:
      /UNABLE_TO_(?:VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)|SELF_SIGNED_CERT|signed by unknown authority|CERT_SIGNATURE_FAILURE|certificate is not trusted/i,
    code: "BUILDER_UNTRUSTED",
    why: "its TLS certificate is signed by an authority that isn't known",
    hint: authority,
  },
  {
    pattern: /ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)|first record does not look like a TLS/i,
    code: "BUILDER_UNREACHABLE",
    why: "it doesn't speak TLS",
    hint: "Leave ca, cert and key away if the network is trusted, or set TLS up in buildkitd.",
  },
];

const sshJudgements: readonly Judgement[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    code: "BUILDER_UNTRUSTED",
    why: "its SSH host key isn't the one that is known: it was installed anew, or somebody stands in between",
    hint: "Compare the key's fingerprint with what the machine's owner says; only then remove the old one with ssh-keygen -R HOST.",
  },
  {
    pattern: /Host key verification failed|No \S+ host key is known|authenticity of host/,
    code: "BUILDER_UNTRUSTED",
    why: "its SSH host key isn't known here",
    hint: "Log in once with ssh HOST and compare the fingerprint with what the machine's owner says; ssh keeps it then.",
  },
  {
    pattern: /UNPROTECTED PRIVATE KEY FILE|bad permissions/i,
    code: "BUILDER_UNAUTHORIZED",
    why: "ssh doesn't use a private key that others can read",
    hint: "chmod 600 the key file that ssh names.",
  },
  {
    pattern: /Permission denied \(|Too many authentication failures|No supported authentication methods/,
    code: "BUILDER_UNAUTHORIZED",
    why: "it accepts none of the SSH keys",
    hint: "Check the user name, add your public key to ~/.ssh/authorized_keys there, or load the key with ssh-add: nothing is asked for here.",
  },
  {
    pattern: /Bad owner or permissions on|Bad configuration option/,
    code: "BUILDER_UNREACHABLE",
    why: "ssh refuses its own configuration",
    hint: "Correct the configuration file that `ssh HOST` names.",
  },
  {
    pattern: /kex_exchange_identification|Connection (?:closed|reset) by/,
    code: "BUILDER_UNREACHABLE",
    why: "the SSH server closed the connection at once",
    hint: "Too many connections at a time? Raise MaxStartups and MaxSessions in its sshd_config.",
  },
];

/** What any client says of a daemon that it doesn't get to. */
const reachJudgements: readonly Judgement[] = [
  {
    pattern: /Could not resolve hostname|no such host|Name or service not known/,
    code: "BUILDER_UNREACHABLE",
    why: "the host's name isn't known",
    hint: "Correct the name.",
  },
  {
    pattern: /No such container|no such container|NotFound.*pods?/i,
    code: "BUILDER_UNREACHABLE",
    why: "there is no such container",
    hint: "Start it, or correct the name.",
  },
  {
    pattern: /is not running|container .* is paused/i,
    code: "BUILDER_UNREACHABLE",
    why: "the container doesn't run",
    hint: "Start it.",
  },
  {
    pattern: /permission denied/i,
    code: "BUILDER_UNAUTHORIZED",
    why: "this user may not use its socket",
    hint: "Join the group that owns the socket and log in anew; don't open it to everybody.",
  },
  {
    pattern:
      /Cannot connect to the Docker daemon|Is the docker daemon running|failed to connect to the docker API/i,
    code: "BUILDER_UNREACHABLE",
    why: "no Docker daemon answers",
    hint: "Start Docker there.",
  },
  {
    pattern: /[Cc]onnection refused/,
    code: "BUILDER_UNREACHABLE",
    why: "the connection was refused",
    hint: "Start the service there, or correct host and port.",
  },
  {
    pattern: /no such file or directory/,
    code: "BUILDER_UNREACHABLE",
    why: "nothing listens on its socket",
    hint: "Start buildkitd there.",
  },
  {
    pattern: /timed out|deadline exceeded|No route to host|Network is unreachable/i,
    code: "BUILDER_UNREACHABLE",
    why: "nothing answers in time",
  },
  {
    pattern: /command not found|buildctl: not found|executable file not found/,
    code: "BUILDER_UNREACHABLE",
    why: "buildctl isn't installed there",
    hint: "Install BuildKit there, or Docker.",
  },
];

/** BUILDER_UNTRUSTED, BUILDER_UNAUTHORIZED or BUILDER_UNREACHABLE for what goes wrong with TLS; else undefined. */
export function tlsFailure(name: string, error: unknown): AnyarchError | undefined {
  const text = `${systemCode(error) ?? ""} ${error instanceof Error ? error.message : String(error)}`;
  return judge(name, text, tlsJudgements, error);
}

/** What a client of BuildKit, Docker or ssh wrote to standard error when it didn't get to the node. */
export function clientFailure(name: string, said: string): AnyarchError {
  const known = judge(name, said, [...sshJudgements, ...tlsJudgements, ...reachJudgements]);
  if (known !== undefined) return known;
  const line = lastTelling(said);
  return unreachable(name, line === "" ? "the client failed and said nothing" : line.replace(/\.$/, ""));
}

function judge(
  name: string,
  text: string,
  judgements: readonly Judgement[],
  cause?: unknown,
): AnyarchError | undefined {
  const found = judgements.find(({ pattern }) => pattern.test(text));
  if (found === undefined) return undefined;
  const evidence = lastTelling(text);
  return new AnyarchError(found.code, `${name} can't be used: ${found.why}.`, {
    ...(found.hint !== undefined && { hint: found.hint }),
    cause,
    details: { builder: name, evidence },
  });
}

/** The line of a program's complaints that says most: its last error, without progress in JSON. */
export function lastTelling(said: string): string {
  const lines = said.split(/\r?\n/).flatMap((line) => {
    const trimmed = line.trim();
    return trimmed === "" || trimmed.startsWith("{") || trimmed.startsWith("@@") ? [] : [trimmed];
  });
  const errors = lines.filter((line) => /error|fatal|denied|refused|failed/i.test(line));
  return (errors.at(-1) ?? lines.at(-1) ?? "").replace(/^(?:ERROR|error): /, "").slice(0, 500);
}
