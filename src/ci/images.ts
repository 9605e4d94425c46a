/** What registers emulators: of QEMU 10, which emulates Node.js and .NET better than those before it. */
export const qemuImage = "tonistiigi/binfmt:qemu-v10.2.3-68";

/** That which anyarch's own tests build with. */
export const buildkitImage = "moby/buildkit:v0.26.3";

/** The builder that jobs make. */
export const builderName = "anyarch-ci";
