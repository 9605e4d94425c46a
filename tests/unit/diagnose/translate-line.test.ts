import { describe, expect, it } from "vitest";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";
import { inEnglish, translatedStems } from "../../../src/diagnose/log/translate-line.ts";
import { cLibraryMessages } from "../../../src/diagnose/log/translations/c-library-messages.ts";
import { compilerMessages } from "../../../src/diagnose/log/translations/compiler-messages.ts";
import { networkMessages } from "../../../src/diagnose/log/translations/network-messages.ts";
import { packageMessages } from "../../../src/diagnose/log/translations/package-messages.ts";

const blocks = [cLibraryMessages, compilerMessages, networkMessages, packageMessages];

/** Every translated message with its English form. */
const pairs = blocks.flatMap((block) => {
  let english = "";
  return block.split("\n").flatMap((line) => {
    if (line.startsWith("  ")) return [{ english, translated: line.trim() }];
    english = line;
    return [];
  });
});

/** A message as a tool prints it: value after value. */
function filled(message: string): string {
  let next = 0;
  return message.replaceAll(/%(?:(\d)\$)?([sd])/g, (_whole, position: string | undefined, kind: string) => {
    next++;
    return kind === "d" ? String(40 + Number(position ?? next)) : `value-${position ?? next}`;
  });
}

function diagnoses(log: string): ReturnType<ReturnType<typeof openLogReader>["diagnoses"]> {
  const reader = openLogReader();
  for (const line of log.split("\n")) reader.line(line);
  return reader.diagnoses();
}

describe("messages in other languages", () => {
  it("turns every message of the tables into English and keeps its values", () => {
    // The full stop of a sentence may be the translation's own.
    const bare = (text: string): string => text.replace(/[.。]{1,2}$/, "").trim();
    const unlike = pairs.filter(
      ({ english, translated }) => bare(inEnglish(filled(translated))) !== bare(filled(english)),
    );
    expect(
      unlike.map(({ translated }) => `${filled(translated)} => ${inEnglish(filled(translated))}`),
    ).toEqual([]);
  });

  it("leaves English as it is", () => {
    for (const { english } of pairs) expect(inEnglish(filled(english))).toBe(filled(english));
    expect(inEnglish("✓ building « façade »: done")).toBe("✓ building « façade »: done");
  });

  it.each([
    [
      "E: Le paquet « chrome » n'a pas de version susceptible d'être installée",
      "E: Package 'chrome' has no installation candidate",
    ],
    [
      "E: Le paquet \u00ab\u00a0chrome\u00a0\u00bb n'a pas de version susceptible d'?tre install?e",
      "E: Package 'chrome' has no installation candidate",
    ],
    [
      "dpkg: Paketarchitektur (amd64) passt nicht zum System (arm64)",
      "dpkg: package architecture (amd64) does not match system (arm64)",
    ],
    [
      "gcc: Fehler: nicht erkannte Kommandozeilenoption »-mavx2«",
      "gcc: error: unrecognized command-line option '-mavx2'",
    ],
    [
      "main.c:1:10: 致命错误：stddef.h：没有那个文件或目录",
      "main.c:1:10: fatal error: stddef.h: No such file or directory",
    ],
    [
      "sh : ligne 1 : /bin/x : impossible d'exécuter le fichier binaire : Erreur de format pour exec()",
      "sh: line 1: /bin/x: cannot execute binary file: Exec format error",
    ],
    ["make: *** [Makefile:22 : image] Erreur 100", "make: *** [Makefile:22: image] Error 100"],
    [
      "run.sh: Zeile 3:  1234 Getötet                 make",
      "run.sh: line 3:  1234 Killed                 make",
    ],
  ])("%s", (shown, english) => {
    expect(inEnglish(shown)).toBe(english);
  });

  it("takes single words only where a shell prints them", () => {
    const text = "Der Download wurde vom Nutzer Abgebrochen und neu begonnen";
    expect(inEnglish(text)).toBe(text);
  });

  it("shows the line as it stands in the log as evidence", () => {
    const [first] = diagnoses(
      '#9 [linux/arm64 4/6] RUN dpkg -i /tmp/a.deb\n#9 0.8  Paketarchitektur (amd64) passt nicht zum System (arm64)\n#9 ERROR: process "/bin/sh -c dpkg -i /tmp/a.deb" did not complete successfully: exit code: 1',
    );
    expect(first?.code).toBe("package-arch-mismatch");
    expect(first?.evidence[0]).toEqual({
      line: 2,
      text: "Paketarchitektur (amd64) passt nicht zum System (arm64)",
    });
  });

  it("takes no text of the command's own for a message", () => {
    const log =
      "#9 [linux/arm64 4/6] RUN echo 'Paket chrome kann nicht gefunden werden' && false\n#9 0.8 Paket chrome kann nicht gefunden werden";
    expect(diagnoses(log)).toEqual([]);
  });

  it("takes no longer for hostile lines", () => {
    for (const stem of translatedStems) {
      const before = process.cpuUsage();
      for (const line of [`${stem} `, `'${stem} `, `${stem}'a`, `a: ${stem}(`]) {
        inEnglish(line.repeat(Math.ceil(2400 / line.length)).slice(0, 2400));
      }
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1000, stem).toBeLessThan(400);
    }
  });
});
