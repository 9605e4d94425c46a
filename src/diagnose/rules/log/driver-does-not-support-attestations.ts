import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "driver-does-not-support-attestations",
  title: "The docker driver with the classic image store can't attach SBOM or provenance",
  architecture: false,
  patterns: [
    {
      line: /attestations? (?:is|are|feature is) (?:currently )?not supported|attestation.{0,40}not supported for (?:the )?docker driver/i,
      score: 97,
    },
  ],
  above: ["generic-user-error"],
  why: "Attestations are further manifests in an index, which the classic image store can't hold.",
  fixes: [
    {
      title: "Use a docker-container builder or the containerd image store",
      detail: "docker buildx create --driver docker-container --use",
    },
    {
      title: "Or switch attestations off",
      detail: "--provenance=false --sbom=false, or BUILDX_NO_DEFAULT_ATTESTATIONS=1",
    },
  ],
  references: [],
  bad: [
    "ERROR: Attestation is not supported for the docker driver.\nSwitch to a different driver, or turn on the containerd image store, and try again.",
  ],
  good: ["ERROR: Cache export is not supported for the docker driver."],
};
