/**
 * Which folder of src/ may import which others; errors/ and events/ are open to all. tests/architecture.test.ts
 * enforces it. The arrows point one way only, so that each folder can be read, tested and replaced by itself.
 */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  events: [],
  oci: [],
  archive: ["oci"],
  host: [],
  registry: ["oci", "host"],
  image: ["oci", "archive"],
  stores: ["oci", "archive", "host", "registry", "image"],
  packages: ["oci", "archive", "host", "registry"],
  apps: ["oci", "archive", "image", "packages", "host"],
  verify: ["oci", "archive", "image", "stores", "host"],
  plan: ["oci", "host", "image", "apps", "packages"],
  assemble: ["plan", "oci", "archive", "image", "stores", "packages", "apps", "verify", "host"],
  api: [
    "plan",
    "assemble",
    "oci",
    "archive",
    "image",
    "stores",
    "packages",
    "apps",
    "verify",
    "host",
    "registry",
  ],
  "index.ts": ["api", "apps", "assemble", "plan", "verify", "host"],
  cli: ["index.ts"],
  testing: ["oci", "archive", "host", "registry", "image", "stores"],
};
