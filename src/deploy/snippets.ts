import { parsePlatform } from "../oci/platform.ts";
import type { RequirementsReport } from "./report.ts";

/** A piece of configuration that pins an image to a platform, or lets it run on all of its own. */
export interface Snippet {
  /** A phrase without a full stop. */
  readonly title: string;
  readonly language: "sh" | "yaml" | "json";
  /** Lines without a line break at the end. */
  readonly text: string;
}

/** Those that concern the report's platforms and places, in the order in which people need them. */
export function runSnippets(report: RequirementsReport): readonly Snippet[] {
  const architectures = [
    ...new Set(report.platforms.map(({ platform }) => parsePlatform(platform).architecture)),
  ];
  const aws = report.places.some(({ id, runs }) => id === "aws-ecs" && runs.length > 0);
  return [runCommands(report), kubernetes(architectures, report), ...(aws ? amazon(architectures) : [])];
}

function runCommands({ name, location, platforms }: RequirementsReport): Snippet {
  const lines = platforms.map(({ platform }) =>
    name === undefined
      ? `anyarch run --platform ${platform} ${location}`
      : `docker run --rm --platform ${platform} ${name}`,
  );
  return { title: "On one machine", language: "sh", text: lines.join("\n") };
}

function kubernetes(architectures: readonly string[], { places }: RequirementsReport): Snippet {
  const tainted = architectures.includes("arm64") && places.some(({ id }) => id === "gcp-gke");
  const lines = [
    "spec:",
    "  affinity:",
    "    nodeAffinity:",
    "      requiredDuringSchedulingIgnoredDuringExecution:",
    "        nodeSelectorTerms:",
    "          - matchExpressions:",
    "              - key: kubernetes.io/arch",
    "                operator: In",
    `                values: [${architectures.join(", ")}]`,
    ...(tainted
      ? [
          "  tolerations: # for the taint of Arm nodes on GKE",
          "    - key: kubernetes.io/arch",
          "      operator: Equal",
          "      value: arm64",
          "      effect: NoSchedule",
        ]
      : []),
  ];
  const one = architectures.at(-1) ?? "amd64";
  return {
    title: `In Kubernetes, on nodes of any of its architectures (\`nodeSelector: { kubernetes.io/arch: ${one} }\` pins one)`,
    language: "yaml",
    text: lines.join("\n"),
  };
}

function amazon(architectures: readonly string[]): readonly Snippet[] {
  const arm = architectures.includes("arm64");
  const text = [
    "{",
    '  "runtimePlatform": {',
    '    "operatingSystemFamily": "LINUX",',
    `    "cpuArchitecture": "${arm ? "ARM64" : "X86_64"}"`,
    "  }",
    "}",
  ].join("\n");
  const other = arm && architectures.includes("amd64") ? ", or `X86_64`" : "";
  return [{ title: `In a task definition of Amazon ECS${other}`, language: "json", text }];
}
