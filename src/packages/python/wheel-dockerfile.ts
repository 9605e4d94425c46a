/** What a wheel is built in. */
export interface WheelStage {
  /** "docker.io/library/python:3.11-slim@sha256:…"; with pip. */
  readonly image: string;
  /** System packages that are installed first. */
  readonly packages: readonly string[];
}

/** Packages that are or bring a C compiler. */
const compilers = /^(?:gcc|g\+\+|clang|build-essential|build-base|tcc)(?:[-:=]|$)/;

/** 1980: zip archives know no time before it. */
const firstZipTime = 315_532_800;

/**
 * The Dockerfile that makes a wheel of the source archive `sdist` of its context, and leaves nothing but it. The index
 * for what the package's build itself needs comes as secret `pip.conf`, authorities to trust as secret `ca`; both may
 * be missing, and neither gets into a layer.
 */
export function wheelDockerfile({ image, packages }: WheelStage, sdist: string): string {
  const secrets = [
    "--mount=type=secret,id=pip.conf,target=/etc/pip.conf",
    "--mount=type=secret,id=ca,target=/run/secrets/ca",
  ];
  const pip = "python3 -m pip wheel --no-deps --no-cache-dir --disable-pip-version-check";
  return [
    `FROM ${image} AS build`,
    "USER root",
    `RUN ${installCommand(packages)}`,
    "WORKDIR /anyarch",
    `COPY ${sdist} ./`,
    `RUN ${secrets.join(" ")} SOURCE_DATE_EPOCH=${firstZipTime} ${pip} --wheel-dir wheels ./${sdist}`,
    "FROM scratch",
    "COPY --from=build /anyarch/wheels/ /",
    "",
  ].join("\n");
}

/** Installs what was named, and a compiler where neither the image nor the names have one. */
function installCommand(packages: readonly string[]): string {
  const compiler = packages.some((name) => compilers.test(name))
    ? ""
    : 'command -v cc >/dev/null || set -- "$@" g++; ';
  // What gcc only recommends, it needs: the C library's headers.
  const apt = 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "$@"';
  return [
    `set -- ${packages.join(" ")}`.trimEnd(),
    `${compiler}test $# -eq 0 || if command -v apt-get >/dev/null; then ${apt}`,
    'elif command -v apk >/dev/null; then apk add --no-cache "$@"',
    'else echo "The image has neither apt-get nor apk to install: $*" >&2; exit 1; fi',
  ].join("; ");
}
