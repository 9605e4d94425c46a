import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "prisma-engine-missing-for-arch",
  title: "Prisma has no engine for this CPU, or can't name it",
  architecture: true,
  patterns: [
    {
      line: /Query engine (?:library|binary) for current platform|could not locate the Query Engine for runtime|Prisma Client was generated for/i,
      score: 93,
    },
    {
      line: /Unknown binary ?[tT]arget|binaryTargets? .{0,60}(?:unknown|not found|invalid)|precompiled engine files are not available|Prisma engines? (?:.{0,40})not (?:supported|available)/i,
      log: /prisma/i,
      score: 93,
    },
    { line: /binaries\.prisma\.sh/, near: /404|Not Found|failed to fetch|error/i, score: 88 },
    {
      line: /lib(?:query|schema)[-_]engine|(?:query|schema|migration|introspection)-engine/i,
      near: /No such file|cannot open|not found|ENOENT|could not|Unable to (?:require|load)|ENOEXEC|corrupt|invalid ELF/i,
      score: 86,
    },
    {
      line: /Prisma failed to detect the libssl|openssl.{0,40}(?:not|couldn't).{0,40}detect/i,
      near: /prisma/i,
      score: 62,
      confidence: "possible",
    },
  ],
  above: ["npm-native-module-wrong-arch", "generic-user-error", "exec-format-error-no-emulation"],
  why: "Prisma downloads an engine made for one system, CPU and OpenSSL version (linux-arm64-openssl-3.0.x). Either none exists for this CPU (32-bit ARM), or the client was generated for another, or openssl is missing so that Prisma guesses wrongly.",
  fixes: [
    {
      title: "Name the targets",
      detail:
        'generator client {\n  provider = "prisma-client-js"\n  binaryTargets = ["native", "debian-openssl-3.0.x", "linux-arm64-openssl-3.0.x"]\n}\nand run prisma generate inside the image. On Alpine: linux-musl-openssl-3.0.x, linux-musl-arm64-openssl-3.0.x.',
    },
    {
      title: "Install openssl before prisma generate",
      detail: "apt-get install -y openssl, apk add openssl",
    },
    { title: "Use 64-bit ARM instead of linux/arm/v7", detail: "There are no engines for 32-bit ARM." },
  ],
  references: ["https://github.com/prisma/orm/issues/18473"],
  bad: [
    '#13 8.0 PrismaClientInitializationError: Query engine library for current platform "linux-arm64-openssl-3.0.x" could not be found.',
  ],
  good: ["#13 8.0 Error: Prisma schema validation - (validate wasm)\n#13 8.0 Error code: P1012"],
};
