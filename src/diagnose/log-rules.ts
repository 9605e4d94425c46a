import type { LogRule } from "./log/log-rule.ts";
import { rule as aptForeignArchWrongMirror } from "./rules/log/apt-foreign-arch-wrong-mirror.ts";
import { rule as aptLibcBinSegfaultUnderQemu } from "./rules/log/apt-libc-bin-segfault-under-qemu.ts";
import { rule as binaryDownloadWrongArch } from "./rules/log/binary-download-wrong-arch.ts";
import { rule as binfmtFlagFMissing } from "./rules/log/binfmt-flag-F-missing.ts";
import { rule as binfmtModuleMissing } from "./rules/log/binfmt-module-missing.ts";
import { rule as blobUploadUnknown } from "./rules/log/blob-upload-unknown.ts";
import { rule as builderLacksPlatform } from "./rules/log/builder-lacks-platform.ts";
import { rule as builderNeedsDockerContext } from "./rules/log/builder-needs-docker-context.ts";
import { rule as buildkitBundledEmulatorChroot } from "./rules/log/buildkit-bundled-emulator-chroot.ts";
import { rule as buildkitNodeLost } from "./rules/log/buildkit-node-lost.ts";
import { rule as caCertsRehashUnderQemu32bit } from "./rules/log/ca-certs-rehash-under-qemu-32bit.ts";
import { rule as cacheExportFailed } from "./rules/log/cache-export-failed.ts";
import { rule as cargoIndexOom137UnderQemu } from "./rules/log/cargo-index-oom-137-under-qemu.ts";
import { rule as cargoRegistryUpdateUnderQemu } from "./rules/log/cargo-registry-update-under-qemu.ts";
import { rule as cgoWrongCCompiler } from "./rules/log/cgo-wrong-c-compiler.ts";
import { rule as cgroupMountFailure } from "./rules/log/cgroup-mount-failure.ts";
import { rule as chromiumNoArm64Binary } from "./rules/log/chromium-no-arm64-binary.ts";
import { rule as crossLinkerNotInstalled } from "./rules/log/cross-linker-not-installed.ts";
import { rule as crossLinkerWrongArch } from "./rules/log/cross-linker-wrong-arch.ts";
import { rule as crossToolchainIncomplete } from "./rules/log/cross-toolchain-incomplete.ts";
import { rule as distroRepoGone } from "./rules/log/distro-repo-gone.ts";
import { rule as dns } from "./rules/log/dns.ts";
import { rule as dockerExporterNoManifestList } from "./rules/log/docker-exporter-no-manifest-list.ts";
import { rule as dotnetCrossgenWrongHostArch } from "./rules/log/dotnet-crossgen-wrong-host-arch.ts";
import { rule as dotnetUnderQemu } from "./rules/log/dotnet-under-qemu.ts";
import { rule as downloadUrlWrongArchName } from "./rules/log/download-url-wrong-arch-name.ts";
import { rule as driverDoesNotSupportAttestations } from "./rules/log/driver-does-not-support-attestations.ts";
import { rule as driverDoesNotSupportCacheExport } from "./rules/log/driver-does-not-support-cache-export.ts";
import { rule as driverDoesNotSupportMultiPlatform } from "./rules/log/driver-does-not-support-multi-platform.ts";
import { rule as electronChromeUnderQemu } from "./rules/log/electron-chrome-under-qemu.ts";
import { rule as erlangJitUnderQemu } from "./rules/log/erlang-jit-under-qemu.ts";
import { rule as execFormatErrorNoEmulation } from "./rules/log/exec-format-error-no-emulation.ts";
import { rule as fromPlatformPinned } from "./rules/log/from-platform-pinned.ts";
import { rule as frontendImageWrongArch } from "./rules/log/frontend-image-wrong-arch.ts";
import { rule as gccUnderQemu } from "./rules/log/gcc-under-qemu.ts";
import { rule as genericUserError } from "./rules/log/generic-user-error.ts";
import { rule as glibcVsMuslMismatch } from "./rules/log/glibc-vs-musl-mismatch.ts";
import { rule as goForkexecEinvalUnderQemu } from "./rules/log/go-forkexec-einval-under-qemu.ts";
import { rule as goLfstackUnderQemu } from "./rules/log/go-lfstack-under-qemu.ts";
import { rule as goRuntimeCrashUnderQemu } from "./rules/log/go-runtime-crash-under-qemu.ts";
import { rule as hardcodedArchPath } from "./rules/log/hardcoded-arch-path.ts";
import { rule as hostKernelTooOldForEmulation } from "./rules/log/host-kernel-too-old-for-emulation.ts";
import { rule as illegalInstructionCpuBaseline } from "./rules/log/illegal-instruction-cpu-baseline.ts";
import { rule as javaUnderQemuCrash } from "./rules/log/java-under-qemu-crash.ts";
import { rule as jsHeapOutOfMemory } from "./rules/log/js-heap-out-of-memory.ts";
import { rule as manifestCreateFromIndex } from "./rules/log/manifest-create-from-index.ts";
import { rule as manifestPushBlobUnknown } from "./rules/log/manifest-push-blob-unknown.ts";
import { rule as networkTransient } from "./rules/log/network-transient.ts";
import { rule as noMatchForPlatformInManifest } from "./rules/log/no-match-for-platform-in-manifest.ts";
import { rule as noSpaceLeft } from "./rules/log/no-space-left.ts";
import { rule as nodeGypToolchainMissing } from "./rules/log/node-gyp-toolchain-missing.ts";
import { rule as npmEbadplatform } from "./rules/log/npm-ebadplatform.ts";
import { rule as npmNativeModuleWrongArch } from "./rules/log/npm-native-module-wrong-arch.ts";
import { rule as outOfMemoryNative } from "./rules/log/out-of-memory-native.ts";
import { rule as packageArchMismatch } from "./rules/log/package-arch-mismatch.ts";
import { rule as packageMissingForArch } from "./rules/log/package-missing-for-arch.ts";
import { rule as platformArgsNeedBuildkit } from "./rules/log/platform-args-need-buildkit.ts";
import { rule as platformStringInvalid } from "./rules/log/platform-string-invalid.ts";
import { rule as prismaEngineMissingForArch } from "./rules/log/prisma-engine-missing-for-arch.ts";
import { rule as privilegedRequired } from "./rules/log/privileged-required.ts";
import { rule as pushDenied } from "./rules/log/push-denied.ts";
import { rule as pythonNoDistributionForArch } from "./rules/log/python-no-distribution-for-arch.ts";
import { rule as pythonNoWheelSourceBuildFailed } from "./rules/log/python-no-wheel-source-build-failed.ts";
import { rule as qemuDpkgPathLookup } from "./rules/log/qemu-dpkg-path-lookup.ts";
import { rule as qemuGuestAddressSpace } from "./rules/log/qemu-guest-address-space.ts";
import { rule as qemuHangOrTimeout } from "./rules/log/qemu-hang-or-timeout.ts";
import { rule as qemuSigabrtSignal6 } from "./rules/log/qemu-sigabrt-signal-6.ts";
import { rule as qemuSigillSignal4 } from "./rules/log/qemu-sigill-signal-4.ts";
import { rule as qemuSigsegvSignal11 } from "./rules/log/qemu-sigsegv-signal-11.ts";
import { rule as qemuSigtrapSignal5 } from "./rules/log/qemu-sigtrap-signal-5.ts";
import { rule as qemuUnsupportedSyscall } from "./rules/log/qemu-unsupported-syscall.ts";
import { rule as registryAuth } from "./rules/log/registry-auth.ts";
import { rule as registryManifestListUnsupported } from "./rules/log/registry-manifest-list-unsupported.ts";
import { rule as registryManifestRejected } from "./rules/log/registry-manifest-rejected.ts";
import { rule as registryManifestUnknown } from "./rules/log/registry-manifest-unknown.ts";
import { rule as registryRateLimit } from "./rules/log/registry-rate-limit.ts";
import { rule as rustTargetNotInstalled } from "./rules/log/rust-target-not-installed.ts";
import { rule as rustcUnderQemu } from "./rules/log/rustc-under-qemu.ts";
import { rule as sourceNotPortableToArch } from "./rules/log/source-not-portable-to-arch.ts";
import { rule as sshBuilderUnreachable } from "./rules/log/ssh-builder-unreachable.ts";
import { rule as tlsCertificateUnknown } from "./rules/log/tls-certificate-unknown.ts";
import { rule as wrongRidRuntimeIdentifier } from "./rules/log/wrong-rid-runtime-identifier.ts";
import { rule as x86OnlyCompilerFlags } from "./rules/log/x86-only-compiler-flags.ts";

/** Every fault that `explain` knows. To add one, add its file to rules/log/ and name it here; a test compares the two. */
export const logRules: readonly LogRule[] = [
  aptForeignArchWrongMirror,
  aptLibcBinSegfaultUnderQemu,
  binaryDownloadWrongArch,
  binfmtFlagFMissing,
  binfmtModuleMissing,
  blobUploadUnknown,
  builderLacksPlatform,
  builderNeedsDockerContext,
  buildkitBundledEmulatorChroot,
  buildkitNodeLost,
  caCertsRehashUnderQemu32bit,
  cacheExportFailed,
  cargoIndexOom137UnderQemu,
  cargoRegistryUpdateUnderQemu,
  cgoWrongCCompiler,
  cgroupMountFailure,
  chromiumNoArm64Binary,
  crossLinkerNotInstalled,
  crossLinkerWrongArch,
  crossToolchainIncomplete,
  distroRepoGone,
  dns,
  dockerExporterNoManifestList,
  dotnetCrossgenWrongHostArch,
  dotnetUnderQemu,
  downloadUrlWrongArchName,
  driverDoesNotSupportAttestations,
  driverDoesNotSupportCacheExport,
  driverDoesNotSupportMultiPlatform,
  electronChromeUnderQemu,
  erlangJitUnderQemu,
  execFormatErrorNoEmulation,
  fromPlatformPinned,
  frontendImageWrongArch,
  gccUnderQemu,
  genericUserError,
  glibcVsMuslMismatch,
  goForkexecEinvalUnderQemu,
  goLfstackUnderQemu,
  goRuntimeCrashUnderQemu,
  hardcodedArchPath,
  hostKernelTooOldForEmulation,
  illegalInstructionCpuBaseline,
  javaUnderQemuCrash,
  jsHeapOutOfMemory,
  manifestCreateFromIndex,
  manifestPushBlobUnknown,
  networkTransient,
  noMatchForPlatformInManifest,
  noSpaceLeft,
  nodeGypToolchainMissing,
  npmEbadplatform,
  npmNativeModuleWrongArch,
  outOfMemoryNative,
  packageArchMismatch,
  packageMissingForArch,
  platformArgsNeedBuildkit,
  platformStringInvalid,
  prismaEngineMissingForArch,
  privilegedRequired,
  pushDenied,
  pythonNoDistributionForArch,
  pythonNoWheelSourceBuildFailed,
  qemuDpkgPathLookup,
  qemuGuestAddressSpace,
  qemuHangOrTimeout,
  qemuSigabrtSignal6,
  qemuSigillSignal4,
  qemuSigsegvSignal11,
  qemuSigtrapSignal5,
  qemuUnsupportedSyscall,
  registryAuth,
  registryManifestListUnsupported,
  registryManifestRejected,
  registryManifestUnknown,
  registryRateLimit,
  rustTargetNotInstalled,
  rustcUnderQemu,
  sourceNotPortableToArch,
  sshBuilderUnreachable,
  tlsCertificateUnknown,
  wrongRidRuntimeIdentifier,
  x86OnlyCompilerFlags,
];
