import { elfFits, isDeviceCode, machineOf } from "./architecture.ts";
import type { Severity, VerifyFinding } from "./finding.ts";
import type { ArchivedNative, ScannedArchive } from "./layer-scan.ts";
import { platformFamily } from "./shipped-for-many.ts";
import type { Subject } from "./subject.ts";

/**
 * Jars and Python zip applications that have a library for other machines only. Libraries are compared over all archives
 * of the image, for some projects make one jar a platform.
 */
export function archiveFindings(subject: Subject): readonly VerifyFinding[] {
  if (machineOf(subject.platform) === undefined) return [];
  const archives = subject.files<ScannedArchive>((scan) => scan.archives).filter(({ live }) => live);
  const served = new Set(
    archives.flatMap(({ file }) =>
      file.natives
        .filter(({ facts }) => elfFits(facts, subject.platform).ok)
        .map(({ name }) => libraryKey(name)),
    ),
  );
  return archives.flatMap((placed) => {
    const lacking = placed.file.natives.filter(
      ({ name, facts }) =>
        !isDeviceCode(facts) &&
        (facts.type === "exec" || facts.type === "dyn") &&
        !served.has(libraryKey(name)),
    );
    if (lacking.length === 0) return [];
    const severity: Severity = lacking.every(({ name }) => isOptional(name)) ? "warning" : "error";
    const found = [...new Set(lacking.map((native) => nameOfMachine(native, subject)))].join(", ");
    const [first] = lacking;
    const more = lacking.length > 1 ? ` and ${lacking.length - 1} more` : "";
    const expected = machineOf(subject.platform) ?? "";
    return [
      subject.finding(
        placed,
        { code: "ARCHIVE_WRONG_PLATFORM", severity, expected, found },
        `has native code for ${found} only (${first?.name ?? ""}${more}), the image says ${subject.platformText}`,
      ),
    ];
  });
}

function nameOfMachine({ facts }: ArchivedNative, subject: Subject): string {
  const fit = elfFits(facts, subject.platform);
  return fit.ok ? facts.machine : fit.found;
}

/** A library's file name without platforms and version: "libjnidispatch", "libnetty-transport-native-epoll". */
function libraryKey(name: string): string {
  const base = name
    .slice(name.lastIndexOf("/") + 1)
    .replace(/\.(?:so|node|jnilib|bin|exe)(?:\.[\d.]+)?$/, "");
  const rest = (platformFamily(base) ?? base.replaceAll("_", "-")).replace(/(?:32|64)$/, "");
  // Programs that are called by their platform alone ("linux-x64/helper" beside "linux-arm64/helper" are not).
  return rest === "" || rest === "lib" ? name.slice(0, name.lastIndexOf("/")) : rest;
}

/** Libraries whose users do without them where they can't be loaded. */
function isOptional(name: string): boolean {
  return /netty_(?:transport|tcnative|quiche|resolver)|netty-tcnative|jansi|jline|liblz4|leveldbjni|libsigar|libhadoop|libnative-platform/.test(
    name,
  );
}
