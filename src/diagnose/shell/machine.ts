import { normalizePlatform, type Platform } from "../../oci/platform.ts";

/** What a machine of one platform calls itself. */
export interface Machine {
  /** Docker's and Go's name: "arm64". */
  readonly docker: string;
  /** `uname -m`. */
  readonly kernel: string;
  /** `dpkg --print-architecture`. */
  readonly debian: string;
  /** `apk --print-arch`. */
  readonly alpine: string;
  /** `gcc -print-multiarch`, `dpkg-architecture -qDEB_HOST_MULTIARCH`. */
  readonly multiarch: string;
}

type Names = readonly [kernel: string, debian: string, alpine: string, multiarch: string];

const names: Readonly<Record<string, Names>> = {
  amd64: ["x86_64", "amd64", "x86_64", "x86_64-linux-gnu"],
  arm64: ["aarch64", "arm64", "aarch64", "aarch64-linux-gnu"],
  "386": ["i686", "i386", "x86", "i386-linux-gnu"],
  "arm/v7": ["armv7l", "armhf", "armv7", "arm-linux-gnueabihf"],
  "arm/v6": ["armv6l", "armel", "armhf", "arm-linux-gnueabi"],
  "arm/v5": ["armv5l", "armel", "armel", "arm-linux-gnueabi"],
  ppc64le: ["ppc64le", "ppc64el", "ppc64le", "powerpc64le-linux-gnu"],
  s390x: ["s390x", "s390x", "s390x", "s390x-linux-gnu"],
  riscv64: ["riscv64", "riscv64", "riscv64", "riscv64-linux-gnu"],
  mips64le: ["mips64", "mips64el", "mips64", "mips64el-linux-gnuabi64"],
  loong64: ["loongarch64", "loong64", "loongarch64", "loongarch64-linux-gnu"],
};

export function machineOf(platform: Platform): Machine {
  const { architecture, variant } = normalizePlatform(platform);
  const docker = architecture;
  const found = names[architecture === "arm" ? `arm/${variant ?? "v7"}` : architecture];
  const [kernel, debian, alpine, multiarch] = found ?? [docker, docker, docker, `${docker}-linux-gnu`];
  return { docker, kernel, debian, alpine, multiarch };
}
