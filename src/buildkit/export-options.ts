import type { Solve } from "./solve.ts";

/**
 * The exporter's attributes, the same for both backends, as "key=value"; undefined where nothing is exported. Images
 * get the OCI's media types whatever the delivery, so that an index of several nodes' results is of one kind.
 */
export function outputFields({ delivery, sourceDateEpoch }: Solve): readonly string[] | undefined {
  const rewrite = sourceDateEpoch === undefined ? [] : ["rewrite-timestamp=true"];
  switch (delivery.kind) {
    case "push-by-digest": {
      const pushing = ["push-by-digest=true", "name-canonical=true", "push=true", "oci-mediatypes=true"];
      return ["type=image", `name=${delivery.repository}`, ...pushing, ...rewrite];
    }
    case "push-tag":
      return ["type=image", `name=${delivery.reference}`, "push=true", "oci-mediatypes=true", ...rewrite];
    case "layout":
      return ["type=oci", "tar=false", `dest=${delivery.directory}`, ...rewrite];
    case "files":
      return ["type=local", `dest=${delivery.directory}`];
    case "none":
      return undefined;
  }
}

/**
 * Attributes of the provenance attestation, undefined for none. Where nothing is asked for buildx attaches the
 * smallest and buildctl nothing: both are told "mode=min", as for "true". Files that aren't an image get none.
 */
export function provenanceOf({ provenance, delivery }: Solve): string | undefined {
  if (delivery.kind === "none" || delivery.kind === "files" || provenance === "false") return undefined;
  return provenance === undefined || provenance === "true" ? "mode=min" : provenance;
}
