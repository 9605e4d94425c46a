/**
 * Packages that Debian 12 and 13 have for amd64 and not for arm64, read from their package indexes; without those
 * whose names say so ("-amd64"), cross compilers, documentation and libraries that nobody installs by name.
 */
const names = `
accel-config acpi-fakekey acpitail aeskeyfind amd-smi amdgcn-tools amdgcn-tools-19 ants asmc-linux bart-
cuda baycomepp bio-eagle blimps-utils boinc-client-nvidia-cuda boinc-virtualbox bolt-15 bolt-16 bolt-17
bolt-lmm cairo-dock-dbus-plug-in-interface-mono caja-dropbox camitk-actionstatemachine camitk-config
camitk-imp cantor-backend-lua cciss-vol-status cen64 cen64-qt chibicc circlator cluster3 cmospwd cpptraj
cpuid cpuidtool ddccontrol dials dioptas displaylink-driver dwarf-fortress dynamips edb-debugger edb-
debugger-plugins elastix extlinux fasm fis-gtm fis-gtm-7.0 fis-gtm-7.1 freespace2 gatos gcc-offload-
amdgcn gcc-offload-nvptx gccbrig-11 gddccontrol genomicsdb-tools gfxboot gfxboot-dev ghdl-mcode gnumach-
image-1-486 gnumach-image-1-xen-486 gnumach-image-1.8-486 gnumach-image-1.8-xen-486 gpomme gprolog
gpsshogi gpsshogi-viewer gpu-burn grub-coreboot grub-coreboot-bin grub-efi-ia32 grub-efi-ia32-bin grub-
efi-ia32-unsigned grub-emu grub-firmware-qemu grub-ieee1275 grub-ieee1275-bin grub-invaders grub-legacy
grub-linuxbios grub-pc grub-pc-bin grub-rescue-pc grub-xen grub-xen-bin grub-xen-host grub2 gubbins
hdapsd hippomocks i7z i810switch i8kutils i965-va-driver i965-va-driver-shaders ikarus indi-mi indi-
pentax intel-acm intel-cmt-cat intel-gpu-tools intel-media-va-driver intel-media-va-driver-non-free
intel-microcode intel-mkl intel-mkl-cluster intel-mkl-full intel-opencl-icd intel-sdsi ioport ipmctl
iqtree isight-firmware-tools iucode-tool jackd1-firewire jackd2-firewire kamailio-mono-modules khmer
kpatch kpatch-build legiond lenovolegionlinux-dkms lenovolegionlinux-sound libaccel-config-dev libamd-
smi-dev libatomic-queue-dev libblimps3-dev libbolt-15-dev libbolt-16-dev libbolt-17-dev libbolt-dev
libcamitk-dev libcg libcggl libcmrt-dev libcpuid-dev libcrypto-mb-dev libdbd-oracle-perl libddccontrol-
dev libdfp-dev libelas-dev libeztrace0-contrib libgatos-dev libgenomicsdb-dev libgenomicsdb-jni libgkl-
jni libglide3-dev libglobus-xio-udt-driver libglobus-xio-udt-driver-dev libguestfs-zfs libgvars3-dev
libhsail-rt-11-dev libhsdis0-fcml libhyperscan-dev libhyperscan5 libigc-dev libigc-tools libigdfcl-dev
libigdgmm-dev libigdgmm12 libigfxcmrt-dev libinsighttoolkit4-dev libinsighttoolkit5-dev libipmctl-dev
libippcp-dev libipsec-mb-dev libipt-dev libipt2 libitkadaptivedenoising-dev
libitkgenericlabelinterpolator-dev libmagma-dev libmetis-edf-dev libmfx-dev libmfx-gen-dev libmfx-tools
libmfx1 libmkl-avx libmkl-avx512-mic libmkl-cdft-core libmkl-cluster-dev libmkl-computational-dev
libmkl-core libmkl-def libmkl-dev libmkl-full-dev libmkl-gnu-thread libmkl-intel-thread libmkl-
interface-dev libmkl-locale libmkl-mc libmkl-meta-cluster libmkl-meta-computational libmkl-meta-
interface libmkl-meta-threading libmkl-pgi-thread libmkl-rt libmkl-sequential libmkl-threading-dev
libmkl-vml-avx libmkl-vml-avx512-mic libmkl-vml-cmpt libmkl-vml-def libmkl-vml-mc libmojoshader-dev
libmonoboehm-2.0-dev libnvidia-tesla-470-compiler libnvidia-tesla-compiler libobjcryst-dev libopamgt-dev
libopasadb-dev libosl-dev liboxli-dev libpcc-dev libploop-dev libpsm-infinipath1 libpsm-infinipath1-dev
libpsm2-2 libpsm2-2-compat libpsm2-dev libpulp-tools libqat-dev libqatzip-dev libqtpropertybrowser-dev
libquadmath0 libricohcamerasdk libricohcamerasdk-dev libsight libsight-dev libsmbios-dev libstatgen-dev
libstdc++5 libtraildb-dev libumlib-dev libusdm-dev libvirt-daemon-driver-vbox libvpl-dev libvpl-tools
libvpl2 libvumod-dev libwiredtiger-dev libxatracker-dev libxbyak-dev libxenium-dev libxsmm-dev libze-dev
libze1 likwid llvm-bolt loadlin lua-struct lua-struct-dev madfuload mate-sensors-applet-nvidia matroxset
mbmon mecat2 megahit memtest86+ mes metabat metis-edf minimac4 mir-graphics-drivers-nvidia mir-platform-
graphics-eglstream-kms mir-platform-graphics-eglstream-kms20 mir-platform-graphics-eglstream-kms23 mit-
scheme ml-burg ml-lex ml-lpt ml-nlffigen ml-yacc mmmulti molotov mono-runtime-boehm monteverdi msr-tools
mssstest mumax3 mupen64plus-audio-sdl mupen64plus-input-sdl mupen64plus-qt mupen64plus-rsp-hle
mupen64plus-rsp-z64 mupen64plus-ui-console mupen64plus-video-arachnoid mupen64plus-video-glide64
mupen64plus-video-glide64mk2 mupen64plus-video-rice mupen64plus-video-z64 nastran nautilus-dropbox
nbdkit-plugin-vddk nowhere numatop nvda2speechd nvdacontrollerclient nvidia-cg-dev nvidia-cg-toolkit
nvidia-openjdk-8-jre nvidia-profiler nvidia-visual-profiler nvidia-xconfig nvram-wakeup oaklisp objconv
octave-astra-toolbox onevpl-tools opa-address-resolution opa-basic-tools opa-fastfabric opa-fm open-vm-
tools-salt-minion openchrome-tool openstructure openzwave-controlpanel otb-bin otb-bin-qt otb-qgis otb-
testdriver palo pcc pcm pd-scaf pftools plastimatch pommed probabel psortb psst python3-amgcl
python3-astra-toolbox python3-bmtk python3-dials python3-hyperspy python3-ost python3-peachpy
python3-portio python3-promod3 python3-pycudwt python3-pyepics python3-pyhst2-cuda python3-pyobjcryst
python3-pyvkfft-cuda python3-reprozip python3-sptag python3-tinyarray python3-tomopy python3-unrardll
python3-xraylarch q2-dada2 q2-phylogeny qatengine qatlib-service qatzip qemu-system-xen rapmap rar rear
ree relion-cuda relion-gui-cuda rio rovclock scmutils shards shovill sift simplescreenrecorder-lib sl-
modem-dkms slurm-wlm-nvml-plugin slurm-wlm-nvml-plugin-dev smbios-utils smlsharp snd-gtk-jack
soapaligner soapdenovo soapdenovo2 solvate sortmerna spades spring springlobby sptag sse3-support
sse4.1-support sse4.2-support starpu-contrib-tools steam-installer steam-libs subarch-select syslinux
syslinux-utils tarantool tarantool-dev tboot tegrarcm thermald theseus threeb threeb-imagej tinyows
torbrowser-launcher tpb traildb-cli tuxonice-userui umview umview-mod-umdevtap umview-mod-umfuseext2
umview-mod-umfusefat umview-mod-umfuseiso9660 umview-mod-umlwip umview-mod-viewfs unicycler unihedron-
device-manager user-mode-linux v86d varscan vbetool vuos vuos-cmds vuos-modules vuos-umvu wcc welcome2l
wiredtiger wmpomme wraplinux wtdbg2 xmbmon xserver-xorg-video-geode xserver-xorg-video-glide xserver-
xorg-video-intel xserver-xorg-video-ivtv xserver-xorg-video-openchrome xserver-xorg-video-vmware
xserver-xspice yacpi zcfan zfs-fuse
`;

export const debianX86Packages: ReadonlySet<string> = new Set(names.trim().split(/\s+/));
