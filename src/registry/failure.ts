import { AnyarchError, isAbort, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import type { HttpResponse } from "../host/http.ts";

/** One entry of the distribution-spec's error body ("Error Codes"). */
export interface SpecError {
  readonly code: string;
  readonly message: string;
}

const bodyLimit = 64 << 10;

/** Reads at most 64 KiB of an error's body and lets go of the connection. Never throws. */
export async function readErrorBody(response: HttpResponse): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= bodyLimit) break;
    }
  } catch {
    // What came is enough to explain.
  }
  response.body.destroy();
  return Buffer.concat(chunks).subarray(0, bodyLimit);
}

/** Reads a body away, so that the connection can be used again. Never throws. */
export async function discard(response: HttpResponse): Promise<void> {
  await readErrorBody(response);
}

/** The errors in a distribution-spec body; also `{"details": …}` of token services; [] for anything else. */
export function parseSpecErrors(body: Buffer): readonly SpecError[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return [];
  }
  if (typeof value !== "object" || value === null) return [];
  const { errors, details, message } = value as Record<string, unknown>;
  if (Array.isArray(errors)) {
    return errors.filter(isObject).map((error) => ({
      code: textOf(error["code"]),
      message: textOf(error["message"]),
    }));
  }
  const text = textOf(details) || textOf(message);
  return text === "" ? [] : [{ code: "", message: text }];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

function textOf(value: unknown): string {
  if (typeof value !== "string") return "";
  // No control characters: this ends in a terminal.
  return value
    .replace(/\p{C}+/gu, " ")
    .trim()
    .slice(0, 300);
}

/** What a registry said with an error, as one sentence part; "" when it said nothing readable. */
export function explain(errors: readonly SpecError[]): string {
  return errors
    .slice(0, 3)
    .map(({ code, message }) => [code, message].filter(Boolean).join(": "))
    .filter(Boolean)
    .join("; ");
}

/** Plain words for what is wrong with a certificate, by OpenSSL's and Node.js's codes. */
const certificateFaults: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "it was issued by an authority that isn't trusted here, or the server leaves out an intermediate certificate",
  UNABLE_TO_GET_ISSUER_CERT: "an authority in its chain isn't known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "it was issued by an authority that isn't trusted here",
  SELF_SIGNED_CERT_IN_CHAIN: "its chain ends in an authority that isn't trusted here",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is self-signed and not trusted here",
  CERT_HAS_EXPIRED: "it has expired, or this machine's clock is wrong",
  CERT_NOT_YET_VALID: "it isn't valid yet, or this machine's clock is wrong",
  CERT_REVOKED: "it was revoked",
  CERT_UNTRUSTED: "it isn't trusted here",
  CERT_SIGNATURE_FAILURE: "its signature is wrong",
  CERT_CHAIN_TOO_LONG: "its chain is too long",
  INVALID_PURPOSE: "it isn't meant for servers",
  INVALID_CA: "it was issued by a certificate that isn't an authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "it was issued for another host name",
  HOSTNAME_MISMATCH: "it was issued for another host name",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the server wants a client certificate",
};

const notTlsCodes: ReadonlySet<string> = new Set([
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
]);

const transientCodes: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ERR_STREAM_PREMATURE_CLOSE",
  "HPE_INVALID_EOF_STATE",
]);

/** True for a fault of the moment, after which the same request may well succeed. */
export function isTransient(error: unknown): boolean {
  if (isAbort(error)) return false;
  // The dispatcher's own NETWORK_ERROR is its idle timeout.
  if (error instanceof AnyarchError) return error.code === "NETWORK_ERROR" && error.details["final"] !== true;
  return transientCodes.has(systemCode(error) ?? "");
}

/** True where a whole exchange of several requests may be worth another try. */
export function isWorthRestart(error: unknown): boolean {
  return isTransient(error) || (error instanceof AnyarchError && isTransient(error.cause));
}

export function isCertificateFault(error: unknown): boolean {
  return Object.hasOwn(certificateFaults, systemCode(error) ?? "");
}

/** Turns what a request threw into REGISTRY_TLS or NETWORK_ERROR that names the host; others pass through. */
export function connectionError(host: string, error: unknown): Error {
  if (isAbort(error)) return error as Error;
  if (error instanceof AnyarchError) return error;
  const code = systemCode(error) ?? "";
  const certificate = certificateFaults[code];
  const details = { host, code };
  if (certificate !== undefined) {
    return new AnyarchError("REGISTRY_TLS", `The certificate of ${host} isn't accepted: ${certificate}.`, {
      cause: error,
      hint: code.includes("ALTNAME")
        ? "Use the name that the certificate was issued for, or have it issued for this one."
        : `Name its certificate authority with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS, or put it in /etc/docker/certs.d/${host}/ca.crt.`,
      details,
    });
  }
  const why = systemReason(error);
  return new AnyarchError("NETWORK_ERROR", `The connection to ${host} failed: ${why}.`, {
    cause: error,
    hint: notTlsCodes.has(code)
      ? `If ${host} speaks plain HTTP on a network you trust, declare it insecure = true.`
      : "Check the host name, the network and the proxy settings (HTTPS_PROXY, NO_PROXY).",
    details: { ...details, final: true },
  });
}
