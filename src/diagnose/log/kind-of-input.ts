/** Whether the first bytes are those of a log in JSON, whose text can't be searched as it stands. */
export function isJsonLog(first: Buffer): boolean {
  const start = first.toString("utf8", 0, 4096).trimStart();
  return /^\{\s*"(?:vertexes|logs|statuses|warnings|stream|status|log|error|time|level|ts)"/.test(start);
}

const magics: readonly { readonly bytes: readonly number[]; readonly why: string; readonly hint: string }[] =
  [
    { bytes: [0x1f, 0x8b], why: "it is compressed with gzip", hint: "gunzip -c FILE | anyarch explain -" },
    {
      bytes: [0x50, 0x4b, 0x03, 0x04],
      why: "it is a zip archive",
      hint: "unzip -p FILE.zip | anyarch explain -",
    },
    {
      bytes: [0x28, 0xb5, 0x2f, 0xfd],
      why: "it is compressed with zstd",
      hint: "zstd -dc FILE | anyarch explain -",
    },
    {
      bytes: [0xfd, 0x37, 0x7a, 0x58],
      why: "it is compressed with xz",
      hint: "xz -dc FILE | anyarch explain -",
    },
  ];

/** Says what the first bytes are where they aren't text. */
export function notText(first: Buffer): { readonly why: string; readonly hint: string } | undefined {
  const magic = magics.find(({ bytes }) => bytes.every((byte, index) => first[index] === byte));
  if (magic !== undefined) return magic;
  const sample = first.subarray(0, 8192);
  const zeros = sample.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  // Logs have a stray zero byte now and then; programs and archives have very many.
  if (zeros <= sample.length / 50) return undefined;
  return { why: "it is binary", hint: "Give the text that the build printed." };
}
