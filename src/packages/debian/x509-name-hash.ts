import { createHash } from "node:crypto";
import { AnyarchError } from "../../errors/error.ts";

/** One DER element: its tag, its content, and where the next one begins. */
interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly end: number;
}

function readElement(der: Buffer, at: number): Element {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) throw malformed();
  let start = at + 2;
  let length = first;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || start + count > der.length) throw malformed();
    length = der.readUIntBE(start, count);
    start += count;
  }
  if (start + length > der.length) throw malformed();
  return { tag, content: der.subarray(start, start + length), end: start + length };
}

function malformed(): AnyarchError {
  return new AnyarchError("INPUT_INVALID", "A certificate is malformed.");
}

function children(der: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < der.length;) {
    const element = readElement(der, at);
    found.push(element);
    at = element.end;
  }
  return found;
}

function encode(tag: number, content: Buffer): Buffer {
  const length = content.length;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

/** ASN.1's string types and how their bytes become text. */
const decoders: Readonly<Record<number, (bytes: Buffer) => string>> = {
  0x0c: (bytes) => bytes.toString("utf8"),
  0x13: (bytes) => bytes.toString("latin1"), // PrintableString
  0x14: (bytes) => bytes.toString("latin1"), // T61String, as OpenSSL takes it
  0x16: (bytes) => bytes.toString("latin1"), // IA5String
  0x1a: (bytes) => bytes.toString("latin1"), // VisibleString
  0x1c: (bytes) => String.fromCodePoint(...wideCharacters(bytes, 4)),
  0x1e: (bytes) => String.fromCodePoint(...wideCharacters(bytes, 2)),
};

function wideCharacters(bytes: Buffer, width: number): number[] {
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, index) =>
    bytes.readUIntBE(index * width, width),
  );
}

/** OpenSSL's canonical form of an attribute's value: UTF-8, white space trimmed and collapsed, ASCII lower case. */
function canonicalValue({ tag, content }: Element): Buffer {
  const decode = decoders[tag];
  if (decode === undefined) return encode(tag, content);
  const text = decode(content)
    .replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "")
    .replace(/[ \t\n\v\f\r]+/g, " ")
    .replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
  return encode(0x0c, Buffer.from(text, "utf8"));
}

/**
 * The hash of a certificate's subject, as `openssl x509 -subject_hash` prints it: programs look trust anchors up in a
 * directory of links named so. `pem` holds one certificate. Throws INPUT_INVALID where it is malformed.
 */
export function subjectHash(pem: string): string {
  const base64 = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----([^-]+)-----END/.exec(pem)?.[1];
  if (base64 === undefined) throw malformed();
  const certificate = readElement(Buffer.from(base64, "base64"), 0);
  const fields = children(readElement(certificate.content, 0).content);
  // TBSCertificate (RFC 5280, 4.1): [0] version where given, serial, signature, issuer, validity, subject.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (subject?.tag !== 0x30) throw malformed();
  const canonical = children(subject.content).map((set) => {
    const attributes = children(set.content).map((attribute) => {
      const [type, value] = children(attribute.content);
      if (type === undefined || value === undefined) throw malformed();
      return encode(0x30, Buffer.concat([encode(type.tag, type.content), canonicalValue(value)]));
    });
    return encode(0x31, Buffer.concat(attributes.sort((a, b) => Buffer.compare(a, b))));
  });
  const digest = createHash("sha1").update(Buffer.concat(canonical)).digest();
  return digest.readUInt32LE(0).toString(16).padStart(8, "0");
}
