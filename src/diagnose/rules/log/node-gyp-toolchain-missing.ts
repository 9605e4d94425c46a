import type { LogRule } from "../../log/log-rule.ts";

const gyp = /node-gyp|gyp ERR!|gyp info|node-pre-gyp|prebuild-install|binding\.gyp/i;

export const rule: LogRule = {
  code: "node-gyp-toolchain-missing",
  title: "A native npm module has no prebuilt file for this CPU, and the tools to compile it are missing",
  architecture: true,
  patterns: [
    {
      line: /gyp ERR! find Python|Could not find any Python installation|Can't find Python executable|not found: python/i,
      score: 92,
    },
    {
      line: /not found: (?:make|cc|gcc|g\+\+|c\+\+)|gyp ERR! .{0,60}(?:make|g\+\+|cc)\S{0,4} (?:not found|ENOENT)|spawn (?:make|cc|g\+\+|python3?|cmake) ENOENT/i,
      log: gyp,
      score: 92,
    },
    {
      line: /(?:make|g\+\+|gcc|cc|c\+\+|python3?|pkg-config|cmake|autoreconf|pkgconf): (?:command )?not found|make: \S{1,30}: No such file or directory/,
      log: gyp,
      score: 88,
    },
    {
      line: /fatal error: \S{1,80}\.h\w*: No such file|Package \S{1,60} was not found in the pkg-config|No package '\S{1,60}' found/,
      log: gyp,
      score: 86,
    },
    {
      line: /gyp: Call to '[^']{1,200}' returned exit status|not ok\b/,
      log: gyp,
      near: /pkg-config|not found/i,
      score: 84,
    },
    {
      line: /No prebuilt (?:binaries|install) found|prebuilt binaries not found|Tried to download\(40[34]\)|Pre-built binaries not (?:found|installable)/i,
      log: /gyp ERR!|make: |not found: /,
      score: 84,
    },
    {
      line: /musl libc .{0,40}requires manual installation|cmake-js ERR! .{0,40}CMake executable is not found|sharp: Please add node-gyp to your dependencies|sharp: .{0,40}Use of "pkg-config" failed/i,
      score: 88,
    },
    {
      line: /gyp ERR! (?:build error|configure error|not ok)/,
      emulation: "likely",
      score: 64,
      confidence: "likely",
    },
  ],
  above: ["generic-user-error"],
  why: "Native modules ship prebuilt files for common CPUs and libcs. For this one there is none, so npm starts node-gyp, which needs Python, make, a C++ compiler and sometimes libraries; slim and Alpine images have none of them.",
  fixes: [
    {
      title: "Install the tools in the builder stage",
      detail:
        "Debian: RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++\nAlpine: RUN apk add --no-cache python3 make g++\nand the -dev libraries the message names (libcairo2-dev, libvips-dev, …). Copy node_modules into the final stage.",
    },
    {
      title: "Or use a version or libc with prebuilt files",
      detail: "A newer version of the module, an LTS Node.js, or node:22-slim instead of node:22-alpine.",
    },
  ],
  references: [
    "https://github.com/WiseLibs/better-sqlite3/issues/1382",
    "https://github.com/mapbox/node-pre-gyp/issues/364",
  ],
  bad: [
    "#14 [linux/arm64 4/6] RUN npm ci\n#14 60.3 npm error cmake-js ERR! OMG CMake executable is not found.",

    "#11 [linux/arm64 build 4/6] RUN npm ci\n#11 30.1 npm ERR! gyp ERR! find Python Python is not set from command line or npm configuration\n#11 30.2 npm ERR! gyp ERR! stack Error: Could not find any Python installation to use",
    "#11 [build 4/6] RUN npm ci\n#11 9.0 npm error gyp ERR! build error\n#11 9.0 npm error gyp ERR! stack Error: not found: make",
  ],
  good: [
    "#11 [build 4/6] RUN npm ci\n#11 9.0 npm ERR! gyp ERR! stack FetchError: request to https://nodejs.org/download/v20/headers.tar.gz failed, reason: read ECONNRESET",
  ],
};
