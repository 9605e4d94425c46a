import { describe, expect, it } from "vitest";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";

/** The first code that a log is given; undefined where nothing is named. */
function first(log: string): string | undefined {
  const reader = openLogReader();
  for (const line of log.split("\n")) reader.line(line);
  return reader.diagnoses()[0]?.code;
}

const arm = (command: string, ...output: readonly string[]): string =>
  [`#9 [linux/arm64 4/6] RUN ${command}`, ...output.map((line) => `#9 2.1 ${line}`)].join("\n");
const amd = (command: string, ...output: readonly string[]): string =>
  arm(command, ...output).replace("linux/arm64", "linux/amd64");

describe("logs that look alike and aren't", () => {
  it.each<readonly [string | undefined, string]>([
    // Other languages.
    [
      "package-missing-for-arch",
      arm("apt-get install -y msodbcsql18", "E: Paket msodbcsql18 kann nicht gefunden werden."),
    ],
    [
      "package-missing-for-arch",
      arm("apt-get install -y intel-opencl-icd", "E: No se ha podido localizar el paquete intel-opencl-icd"),
    ],
    ["package-missing-for-arch", arm("apt-get install -y wine64", "E: パッケージ wine64 が見つかりません")],
    ["package-missing-for-arch", arm("apt-get install -y wine64", "E: 无法定位软件包 wine64")],
    [
      "package-missing-for-arch",
      arm("apt-get install -y steam", "E: Pakiet steam nie ma kandydata do instalacji"),
    ],
    ["generic-user-error", amd("apt-get install -y crul", "E: Impossible de trouver le paquet crul")],
    [
      "package-arch-mismatch",
      arm("dpkg -i a.deb", " архитектура пакета (amd64) не соответствует архитектуре системы (arm64)"),
    ],
    [
      "package-arch-mismatch",
      arm(
        "dpkg -i a.deb",
        " l'architettura del pacchetto (amd64) non corrisponde a quella del sistema (arm64)",
      ),
    ],
    [
      "package-arch-mismatch",
      arm("dpkg -i a.deb", " arquitetura do pacote (amd64) não combina com a do sistema (arm64)"),
    ],
    ["exec-format-error-no-emulation", "exec /bin/sh: Fehler im Format der Programmdatei"],
    [
      "binary-download-wrong-arch",
      "bash: ./app: Kann die Binärdatei nicht ausführen: Fehler im Format der Programmdatei",
    ],
    [
      "binary-download-wrong-arch",
      "bash: /app/run: cannot execute binary file: Formato de ejecutable incorrecto",
    ],
    ["binary-download-wrong-arch", "/bin/sh: 1: /app/run: Erreur de format pour exec()"],
    ["no-space-left", "cp: error writing 'x': Auf dem Gerät ist kein Speicherplatz mehr verfügbar"],
    ["no-space-left", "tar: x: Не удалось write: На устройстве не осталось свободного места"],
    [
      "no-space-left",
      "mkdir: impossible de créer le répertoire «\u00a0a\u00a0»: Aucun espace disponible sur le périphérique",
    ],
    [
      "dns",
      arm(
        "apt-get update",
        "W: Fehlschlag beim Holen von http://mirror.example/x  Temporärer Fehlschlag beim Auflösen von »mirror.example«",
        "E: Paket curl kann nicht gefunden werden.",
      ),
    ],
    ["dns", "ssh: connect to host: Nom ou service inconnu"],
    ["network-transient", "wget: connect: Verbindungsaufbau abgelehnt"],
    ["network-transient", "致命错误：远端意外挂断了"],
    [
      "network-transient",
      "E: Fallo al obtener http://mirror.example/a.deb  Falló la conexión [IP: 192.0.2.1 80]",
    ],
    [
      "x86-only-compiler-flags",
      arm("make", "gcc: erreur: option « -msse4.2 » non reconnue sur la ligne de commande"),
    ],
    [
      "source-not-portable-to-arch",
      arm("make", "a.c:3:10: schwerwiegender Fehler: immintrin.h: Datei oder Verzeichnis nicht gefunden"),
    ],
    ["source-not-portable-to-arch", arm("make", "a.c:3:10: 致命错误：emmintrin.h：没有那个文件或目录")],
    [
      "qemu-sigsegv-signal-11",
      arm(
        "make",
        "qemu: uncaught target signal 11 (Speicherzugriffsfehler) - core dumped",
        "Speicherzugriffsfehler (Speicherabzug geschrieben)",
      ),
    ],
    [
      "illegal-instruction-cpu-baseline",
      "$ docker run --rm example/app\nUngültiger Maschinenbefehl (Speicherabzug geschrieben)",
    ],
    [
      "out-of-memory-native",
      arm("make", "gcc: schwerwiegender Fehler: Killed signal terminated program cc1plus").replace(
        "arm64",
        "amd64",
      ),
    ],
    [
      "generic-user-error",
      amd(
        "cp a b",
        "cp: der Aufruf von stat für 'a' ist nicht möglich: Datei oder Verzeichnis nicht gefunden",
      ),
    ],
    [undefined, amd("make docs", "Übersetze Kapitel 3: Fehlerbehandlung")],
    [
      undefined,
      arm(
        "echo 'Exec format error = Fehler im Format der Programmdatei'",
        "Exec format error = Fehler im Format der Programmdatei",
      ),
    ],
    [undefined, 'Expected: "Keine Berechtigung"\nReceived: "Fehler im Format der Programmdatei"'],
    [undefined, amd("pnpm build", "✓ 312 modules transformed — terminé")],
    // Flags of another CPU.
    [
      "x86-only-compiler-flags",
      arm("make", "clang: error: unsupported option '-mavx2' for target 'aarch64-unknown-linux-gnu'"),
    ],
    ["x86-only-compiler-flags", arm("make", "cc1: error: bad value 'x86-64-v3' for '-march=' switch")],
    [
      "x86-only-compiler-flags",
      arm("make", "clang: error: unsupported argument 'haswell' to option '-mcpu='"),
    ],
    [
      "x86-only-compiler-flags",
      arm(
        "cargo build",
        "'skylake' is not a recognized processor for this target (ignoring processor)",
        "error: could not compile `x`",
      ),
    ],
    ["x86-only-compiler-flags", arm("make", "nvcc fatal   : Unknown option '-mavx512f'")],
    ["x86-only-compiler-flags", arm("make", "cc1: error: unknown value 'znver3' for '-march'")],
    [
      "x86-only-compiler-flags",
      arm("make", "g++: error: unrecognized command-line option '-mfloat-abi=hard'"),
    ],
    ["generic-user-error", amd("make", "a.c:1:1: error: unknown type name 'foo'")],
    [undefined, amd("make", "gcc: warning: unrecognized command-line option '-Wno-frob'")],
    // The signedness of char.
    [
      "source-not-portable-to-arch",
      arm(
        "cargo build",
        "error[E0308]: mismatched types",
        "  = note: expected raw pointer `*mut u8`",
        "             found raw pointer `*mut i8`",
      ),
    ],
    [
      "source-not-portable-to-arch",
      arm(
        "make",
        "a.cc:4:9: error: non-constant-expression cannot be narrowed from type 'int' to 'char' in initializer list [-Wc++11-narrowing]",
      ),
    ],
    [
      "source-not-portable-to-arch",
      arm("go build", "./a.go:9:5: cannot use &b[0] (value of type *uint8) as *int8 value in argument to f"),
    ],
    [
      "source-not-portable-to-arch",
      arm("make", "a.c:9:3: error: case label value is less than minimum value for type [-Werror]"),
    ],
    [
      "generic-user-error",
      amd(
        "cargo build",
        "error[E0308]: mismatched types",
        "  = note: expected raw pointer `*mut u8`",
        "             found raw pointer `*mut i8`",
      ),
    ],
    [
      undefined,
      arm(
        "cargo build",
        "error[E0308]: mismatched types",
        "  = note: expected struct `Vec<u8>`",
        "             found enum `Option<Vec<u8>>`",
      ),
    ],
    [
      "generic-user-error",
      amd(
        "go build",
        "./a.go:9:5: cannot use s (variable of type string) as int value in argument to f",
        "./a.go:9:9: undefined: g",
      ),
    ],
    // Headers and objects of the target.
    [
      "cross-toolchain-incomplete",
      amd(
        "cargo build --target aarch64-unknown-linux-musl",
        "cargo:warning=a.c:1:10: fatal error: stdarg.h: No such file or directory",
        'running: "clang" "--target=aarch64-unknown-linux-musl" "-c"',
      ),
    ],
    [
      "cross-toolchain-incomplete",
      amd("aarch64-linux-gnu-gcc a.c", "a.c:1:10: fatal error: sys/types.h: No such file or directory"),
    ],
    [
      "cross-toolchain-incomplete",
      amd(
        "clang --target=aarch64-linux-gnu a.c",
        "/usr/bin/ld: cannot find -lgcc: No such file or directory",
      ),
    ],
    [
      "cross-toolchain-incomplete",
      amd(
        "aarch64-linux-gnu-gcc a.c",
        "a.c:1:10: schwerwiegender Fehler: stdio.h: Datei oder Verzeichnis nicht gefunden",
      ),
    ],
    [
      "node-gyp-toolchain-missing",
      arm("npm ci", "gyp ERR! build error", "gyp ERR! stack Error: not found: make"),
    ],
    // Stages that aren't there.
    [
      "generic-user-error",
      "Step 3/3 : COPY --from=compile /a /a\ninvalid from flag value compile: pull access denied for compile, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ],
    [
      "generic-user-error",
      "Step 1/3 : FROM our-base:1\npull access denied for our-base, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ],
    [
      "registry-auth",
      "Step 1/3 : FROM acme/base:1\npull access denied for acme/base, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ],
    [
      "registry-auth",
      "ERROR: failed to solve: ghcr.io/acme/base:1: failed to resolve source metadata for ghcr.io/acme/base:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    ],
    [
      "push-denied",
      "The push refers to repository [docker.io/library/app]\ndenied: requested access to the resource is denied",
    ],
    [
      "generic-user-error",
      "error building image: getting stage builder for stages: GET https://index.docker.io/v2/library/compile/manifests/latest: UNAUTHORIZED: authentication required; [map[Action:pull Class: Name:library/compile Type:repository]]",
    ],
    // Time limits.
    [
      "network-transient",
      `Set up QEMU\n${arm("pip install x", "ReadTimeoutError: HTTPSConnectionPool(host='files.example', port=443): Read timed out. (read timeout=15)")}`,
    ],
    [
      "qemu-hang-or-timeout",
      `Set up QEMU\n${arm("yarn install", "info There appears to be trouble with your network connection. Retrying...")}`,
    ],
    [
      "qemu-hang-or-timeout",
      `Set up QEMU\n${arm("pip install x")}\n##[error]The job running on runner a has exceeded the maximum execution time of 360 minutes.`,
    ],
    // Levels.
    ["no-space-left", "INFO build\nINFO write /x: no space left on device\nINFO end"],
    [undefined, "INFO build\nINFO write /x: no space left on device (handled)\nWARN end\nINFO again"],
  ])("%s: %s", (code, log) => {
    expect(first(log)).toBe(code);
  });
});
