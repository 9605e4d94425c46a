/** What was measured of a base image, per platform; it decides which packages fit. */
export interface BaseFacts {
  readonly libc?: { readonly family: "glibc" | "musl"; readonly version: string };
  /** `version` in full ("3.11.2"), `executable` absolute in the image. */
  readonly python?: { readonly version: string; readonly executable: string };
  readonly node?: { readonly version: string; readonly executable: string };
}
