import type { LogRule } from "../../log/log-rule.ts";

/** Names of Docker Hub's own images: when one of these is denied, it isn't a name of one's own that was never pushed. */
const official =
  "python|node|golang|alpine|debian|ubuntu|nginx|redis|postgres|mysql|mariadb|php|ruby|rust|openjdk|eclipse-temurin|maven|gradle|busybox|centos|fedora|amazoncorretto|httpd|mongo|elixir|erlang|perl|docker|haproxy|traefik|caddy|bash|gcc|composer|tomcat|wordpress|hello-world|memcached|rabbitmq|registry|buildpack-deps|archlinux|almalinux|rockylinux|oraclelinux|amazonlinux";
const localOnly = new RegExp(
  `pull access denied for (?!(?:library/)?(?:${official})[,: ])\\S{1,80}, repository does not exist|docker\\.io/library/(?!(?:${official})[:@ ])\\S{1,100}(?:: not found|.{0,80}pull access denied)`,
  "i",
);

/** kaniko and others that ask Docker Hub for a stage that isn't there. */
const unknownToHub = new RegExp(
  `/v2/library/(?!(?:${official})/)[\\w.-]{1,80}/manifests/\\S{1,80}: (?:unexpected status code 401 )?UNAUTHORIZED`,
);

export const rule: LogRule = {
  code: "generic-user-error",
  title: "A fault of the Dockerfile, the context or the project itself",
  architecture: false,
  quotes: true,
  patterns: [
    { line: /invalid from flag value/, score: 88 },
    {
      line: /\.(?:sh|bash|py|rb|pl|js)["'`]?: .{0,20}exec format error/i,
      log: /ASCII text|text executable|no shebang/,
      score: 74,
      confidence: "likely",
    },
    {
      line: /dockerfile parse error|unknown instruction: |failed to create LLB definition|Dockerfile parse|no build stage in current context|file with no instructions|Unknown flag: |unknown flag: --(?:mount|link|chmod|parents|exclude)|requires (?:at least|exactly) (?:one|two|\w+) arguments?|invalid reference format|base name \(.{0,60}\) should not be blank|FROM requires/i,
      nearNot: /frontend grpc|no match for platform/,
      score: 74,
    },
    {
      line: /failed to (?:compute cache key|calculate checksum of ref).{0,300}not found|(?:COPY|ADD) failed: (?:file not found|no source files|stat|forbidden path)|forbidden path outside the build context|"\/?\S{0,200}": not found|no such file or directory.{0,40}(?:in build context|Dockerfile)|failed to read dockerfile|Cannot locate specified Dockerfile|unable to prepare context|copier: (?:stat|get)|lstat \S{1,200}: no such file|could not find .{0,80}Dockerfile|no items matching glob/i,
      score: 74,
    },
    {
      line: localOnly,
      score: 77,
    },
    {
      line: /no stage or image found with that name|short-name "[^"]{1,80}" did not resolve to an alias/,
      score: 80,
    },
    { line: unknownToHub, score: 86 },
    {
      line: /target stage "?\S{1,80}"? could not be found|stage \S{1,80} not found/i,
      score: 77,
    },
    {
      line: /the --mount option requires BuildKit|--(?:mount|chmod|link) option requires|Unknown type "\w+" in mount|requires BuildKit|here-?document|heredoc/i,
      score: 78,
    },
    {
      line: /npm ci.{0,40}can only install|package\.json and package-lock\.json .{0,60}(?:in sync|are not)|lock ?file .{0,60}(?:out of (?:date|sync)|not up to date|would have been|needs to be updated|is not compatible)|frozen-?lockfile|ERR_PNPM_(?:OUTDATED_LOCKFILE|NO_LOCKFILE)|ERESOLVE|peer dep|pyproject\.toml changed significantly|go\.sum|missing go\.sum entry|updates to go\.mod needed|the lock file .{0,60}needs to be updated|requires a different python|Requires-Python|engine "?\w+"? is incompatible|EBADENGINE|Unsupported engine/i,
      nearNot: /npm (?:WARN|warn)/,
      score: 66,
    },
    {
      line: /error TS\d{4}|SyntaxError|Module not found|Cannot find module '\.|ModuleNotFoundError|AssertionError|TypeError:|ReferenceError:|FAILED tests?\/|Tests?:? .{0,40}\d+ failed|--- FAIL|There are test failures|BUILD FAILURE|COMPILATION ERROR|error CS\d{4}|error\[E0(?:308|425|433|432|599|277|382|502|505|507)\]|undefined: \w+|expected ';'|NameError|IndentationError|ImportError: cannot import name|Missing script:|error: expected|has no exported member|no required module provides|cannot find package|Parse error|ESLint|undeclared (?:name|identifier)|error: cannot find|unresolved import|does not exist on type|test result: FAILED|\d+ (?:tests? )?(?:failed|failing)\b|AssertionFailedError|: error: .{1,200}|Unresolved reference|error TS\d|mutation score/,
      nearNot: /x86|arch|aarch64|arm64|syscall\.|unix\.|invalid ELF|linux-(?:arm|x64)/i,
      score: 52,
      confidence: "likely",
    },
    {
      line: /Unable to locate package|has no installation candidate|unable to select packages|No package \S+ available|Unable to find a match|No match for argument/i,
      emulation: "not",
      score: 50,
      confidence: "likely",
    },
    { line: /No matching distribution found/i, emulation: "not", score: 50, confidence: "likely" },
    {
      line: /Permission denied \(publickey|could not read (?:Username|from remote)|Repository not found|Authentication failed for|fatal: (?:repository|not a git|destination path)|error: pathspec|Remote branch \S{1,80} not found/i,
      score: 64,
    },
    {
      line: /(?:sh|bash|ash)(?:: line)?(?: ?\d+)?: \S{0,10}:? ?[\w./-]{1,60}: (?:command )?not found/,
      logNot: /node-gyp|gyp ERR|wheel|buildkit_qemu|setup\.py/,
      emulation: "not",
      score: 50,
      confidence: "likely",
    },
    {
      line: /\b(?:cannot stat|cannot open|can't open|No such file or directory|Permission denied)\b/,
      emulation: "not",
      nearNot:
        /\.h: No such|ld-linux|ld-musl|-linux-gnu|loading shared librar|binfmt|qemu|\/bin\/(?:ba|a)?sh|exec |lib\w*\.so|docker\.sock|crt1|crti|gyp|wheel|cgroup|buildkit|interpreter|registry|-linux-\w+-gcc|openjdk|sysroot|\bcc1/,
      score: 46,
      confidence: "possible",
    },
    {
      line: /secret .{0,60}not found|environment variable .{0,60}(?:not set|required)|Missing required environment|mutually exclusive|invalid value for|unrecognized arguments?|Invalid (?:option|argument)/i,
      score: 56,
      confidence: "likely",
    },
    {
      line: /curl: \(22\)|returned error: 404|ERROR 404: Not Found|404 Not Found/,
      nearNot:
        /arm64|aarch64|amd64|x86_64|armhf|armv|binary-|Packages|InRelease|Release|manifests?\/|uploads|registry|TARGET|uname/,
      emulation: "not",
      score: 48,
      confidence: "possible",
    },
  ],
  why: "The message names the fault: a file that isn't in the context, a stage or image that doesn't exist, a lock file that doesn't match, a test or the compiler. The same build fails for every CPU, with and without emulation.",
  fixes: [
    {
      title: "Repair what the message names",
      detail:
        "Read the first error of the failing step, above the builder's summary. Files: is it in the context, not in .dockerignore, spelled with the same case? Lock file: run the package manager once and commit it. Local-only base image: build it with the same builder, or push it. RUN --mount and here-documents need BuildKit and a # syntax=docker/dockerfile:1 line.",
    },
    {
      title: "Try it for the machine's own platform",
      detail: "docker build . without --platform must fail in the same way; if it doesn't, it isn't this.",
    },
  ],
  references: [],
  bad: [
    "Step 4/4 : COPY --from=assets /out /srv\ninvalid from flag value assets: pull access denied for assets, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "#3 [internal] load metadata for docker.io/library/assets:latest\n#3 ERROR: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed\nERROR: failed to solve: assets: failed to resolve source metadata for docker.io/library/assets:latest: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    'STEP 5/6: COPY --from=assets /out /srv\nError: building at STEP "COPY --from=assets /out /srv": no stage or image found with that name',
    'ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref abc: "/requirements.txt": not found',
    "ERROR: failed to solve: dockerfile parse error on line 7: unknown instruction: RUNN",
    "npm ERR! `npm ci` can only install packages when your package.json and package-lock.json are in sync. Please update your lock file with `npm install` before continuing.",
  ],
  good: [
    "#6 0.211 exec /bin/sh: exec format error",
    "#6 12.0 Get:1 http://mirror.example/debian bookworm InRelease",
  ],
};
