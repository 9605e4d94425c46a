/** Packages that distributions other than Debian have for x86 and not for arm64, by package manager. */

/** Boot loaders of the PC, drivers of its chips, its microcode and tools that read its registers. */
const everywhere = [
  "syslinux\\S*",
  "isolinux",
  "memtest86\\+?\\S*",
  "(?:xf86-video|xorg-x11-drv|xserver-xorg-video)-(?:intel|vmware|vesa|geode|openchrome|i740)",
  "intel-(?:media-driver\\S*|mediasdk\\S*|media-sdk\\S*|gmmlib\\S*|gpu-tools|ucode|microcode|opencl\\S*|compute-runtime\\S*|graphics-compiler\\S*|level-zero\\S*|igc\\S*|metee\\S*|cmt-cat|undervolt|hybrid-codec-driver)",
  "libva-intel-(?:driver|media-driver|hybrid-driver)",
  "onevpl-intel-gpu\\S*",
  "vpl-gpu-rt\\S*",
  "libmfx\\S*",
  "igt-gpu-tools\\S*",
  "(?:amd|intel)-ucode",
  "ucode-(?:amd|intel)",
  "microcode_ctl",
  "iucode[-_]tool",
  "thermald",
  "mcelog",
  "i7z",
  "msr-tools",
  "cpuid",
  "numatop",
  "tboot",
  "vbetool",
  "ipmctl\\S*",
  "libipt(?:-dev\\S*)?",
  "hyperscan(?:-dev\\S*)?",
  "libxsmm\\S*",
  "libpsm2\\S*",
  "opa-\\S+",
  "virtualbox\\S*",
  "VirtualBox\\S*",
  "steam",
  "fasm",
  "sgx-\\S+",
  "libsgx\\S*",
  "intel-(?:oneapi|basekit|hpckit|mkl)\\S*",
  "amdgpu(?:-\\S+)?",
  "msodbcsql(?:13|17)?",
  "mssql-(?:server|tools)\\d*",
  "teamviewer",
  "slack",
  "zoom",
  "skypeforlinux",
  "microsoft-edge-\\w+",
  "opera-stable",
  "oracle-database-\\S+",
  "dropbox",
];

const families: Readonly<Record<string, RegExp>> = {
  apk: whole([...everywhere, "grub-bios", "linux-pam-x86", "dxvk\\S*", "wine(?:-\\S+)?", "mkl\\S*"]),
  rpm: whole([
    ...everywhere,
    "grub2-(?:pc|efi-(?:x64|ia32)|i386-pc|i386-efi|x86_64-efi|i386-xen|x86_64-xen)(?!-modules)\\S*",
    "shim-(?:x64|ia32)\\S*",
    "libquadmath(?:-devel|-static)?",
    "glibc-32bit",
    "[\\w+.-]+-32bit",
    "biosdevname",
    "libsmbios\\S*",
    "smbios-utils\\S*",
  ]),
  pacman: whole([...everywhere, "lib32-\\S+", "wine\\S*"]),
};

function whole(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.join("|")})$`);
}

/** Whether a package of `manager` ("apk", "rpm", "pacman") exists for x86 only. */
export function isX86Package(manager: string, name: string): boolean {
  return name.length < 100 && families[manager]?.test(name) === true;
}
