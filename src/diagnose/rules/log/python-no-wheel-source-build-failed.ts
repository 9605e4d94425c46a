import type { LogRule } from "../../log/log-rule.ts";

const builds =
  /Failed building wheel|Building wheel for|setup\.py|pip install|subprocess-exited-with-error|metadata-generation-failed|Could not build wheels|bdist_wheel|build_ext|pyproject\.toml|build_wheel|\bmaturin\b|pip subprocess|uv pip|poetry install/i;
/** The CPU's name in the directories that a build makes, or the step's platform. */
const foreign = /armv[67]l|aarch64|arm64|linux\/(?:arm|ppc64le|s390x|riscv64)|ppc64le|s390x|riscv64|i686/;
const x86 = /linux-x86_64|build\/\S*x86_64/;

export const rule: LogRule = {
  code: "python-no-wheel-source-build-failed",
  title:
    "pip compiles a package (there is no wheel for this CPU), and what it needs for that isn't in the image",
  architecture: true,
  patterns: [
    {
      line: /(?:unable to execute '?|command ')(?:\S*(?:gcc|cc|g\+\+|c\+\+|clang|x86_64-\S+|aarch64-\S+))'?(?:: No such file|.{0,20}failed: No such file)/,
      log: builds,
      logNot: x86,
      score: 88,
    },
    {
      line: /(?:gcc|g\+\+|cc|make|cmake|rustc|cargo|gfortran|swig|pkg-config)\S{0,10}: (?:command )?not found|No such file or directory: '(?:gcc|cmake|make|cc|g\+\+|rustc|cargo|pkg-config|gfortran)'/,
      log: builds,
      logNot: x86,
      score: 84,
    },
    {
      line: /(?:Python|ffi|openssl\/\w+|libxml\/\w+|jpeglib|zlib|yaml|hdf5|lapack\w*|lber|sasl|mysql|libpq-fe|ft2build|pyconfig|longintrepr|cairo|sodium|snappy-c|geos_c|blas\w*|portaudio|libusb\S*|linux\/\w+|stdio|stdlib|limits)\.h: No such file/,
      log: builds,
      logNot: x86,
      score: 86,
    },
    {
      line: /fatal error: \S{1,80}\.h\w*: No such file/,
      log: builds,
      logNot: x86,
      score: 78,
      confidence: "likely",
    },
    {
      line: /requires Rust|can't find Rust compiler|Cargo, the Rust package manager, is not installed|Rust not found|Rust toolchain|error: rustc \S+ is not installed|No compatible Rust/i,
      log: builds,
      score: 90,
    },
    {
      line: /pg_config executable not found|mysql_config: not found|Can not find valid pkg-config name|llvm-config|No (?:lapack|blas)\S* (?:resources )?found|Could not find (?:lib|openssl|cmake|OpenBLAS|HDF5)\S*|CMake must be installed|Unknown compiler\(s\)|No CMAKE_C\w*_COMPILER could be found|error: (?:libhdf5|hdf5|curl-config|xmlsec1|geos-config|proj|gdal-config)\S*/i,
      log: builds,
      emulation: "likely",
      score: 82,
    },
    {
      line: /Unknown compiler\(s\)|CMAKE_C\w*_COMPILER not set|no acceptable C compiler found/i,
      log: builds,
      logNot: x86,
      score: 82,
    },
    {
      line: /Failed building wheel for|Could not build wheels for|Failed to build installable wheels|metadata-generation-failed|Failed to build `?\S{1,60}`?|finished with status 'error'|Command errored out with exit status/,
      log: foreign,
      near: builds,
      score: 66,
      confidence: "likely",
    },
  ],
  above: ["python-no-distribution-for-arch", "generic-user-error"],
  why: "On amd64 pip takes a finished wheel; for this CPU (or libc, or Python version) the package has none, so pip compiles the sources. The image lacks the compiler, headers, libraries or Rust for it.",
  fixes: [
    {
      title: "Use a version that has a wheel for this CPU",
      detail:
        "pip download --only-binary=:all: --platform manylinux2014_aarch64 --no-deps NAME==VERSION tells. A newer package version, or a Python version that isn't the very newest, often has one; Alpine needs musllinux wheels.",
    },
    {
      title: "Install what is needed in a builder stage",
      detail:
        "RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ make python3-dev libffi-dev libssl-dev\nRUN pip wheel -r requirements.txt -w /wheels\nthen copy /wheels into the final stage. For Rust packages also rustc and cargo (rustup). On Alpine: apk add build-base python3-dev libffi-dev openssl-dev cargo.",
    },
  ],
  references: ["https://github.com/spacemanspiff2007/HABApp/issues/413"],
  bad: [
    "#8 [linux/arm64 3/4] RUN uv sync\n#8 9.0   × Failed to build `psutil==5.9.0`\n#8 9.0   ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)\n#8 9.0       error: command 'aarch64-linux-gnu-gcc' failed: No such file or directory",

    "#9 [linux/arm/v7 3/5] RUN pip install cryptolib\n#9 22.0   Building wheel for cryptolib (pyproject.toml): started\n#9 25.0       error: can't find Rust compiler\n#9 25.1   ERROR: Failed building wheel for cryptolib",
    "#9 [linux/arm64 3/5] RUN pip install fastthing\n#9 8.0   Building wheel for fastthing (setup.py): started\n#9 9.1   unable to execute 'gcc': No such file or directory\n#9 9.1   error: command 'gcc' failed with exit status 1\n#9 9.2   ERROR: Failed building wheel for fastthing",
  ],
  good: ["#9 [3/5] RUN make\n#9 0.3 /bin/sh: gcc: not found"],
};
