/** Whose machines they are. */
export type Cloud = "aws" | "azure" | "gcp" | "raspberry-pi" | "desktop";

export const clouds = ["aws", "azure", "gcp"] as const satisfies readonly Cloud[];

/** Where containers run: a service, or a kind of machine. */
export interface Place {
  readonly id: string;
  readonly cloud: Cloud;
  readonly name: string;
  /** The platforms that it runs, best first, with the machines and the setting that chooses them. */
  readonly takes: readonly PlaceMachine[];
  /** A whole sentence. */
  readonly note?: string;
  /** Where it says so. */
  readonly sources: readonly string[];
}

export interface PlaceMachine {
  /** As formatPlatform writes it. */
  readonly platform: string;
  readonly machines: string;
  /** "runtimePlatform.cpuArchitecture: ARM64". */
  readonly setting?: string;
}

/** The day on which the sources were looked at; what services take changes. */
export const placesAsOf = "2026-11-20";

/*
 * Only what was read in the sources named; a service that is missing was not looked up. To add one: its documentation's
 * own words for platforms, machines and settings, and a new date above.
 */

const aws: readonly Place[] = [
  {
    id: "aws-ec2",
    cloud: "aws",
    name: "Amazon EC2, EKS",
    takes: [
      {
        platform: "linux/amd64",
        machines: "instances with Intel or AMD processors",
        setting: "EKS: nodeSelector kubernetes.io/arch: amd64",
      },
      {
        platform: "linux/arm64",
        machines: "Graviton instances (T4g, C7g, M7g, M8g, …)",
        setting: "EKS: nodeSelector kubernetes.io/arch: arm64",
      },
    ],
    sources: ["https://github.com/aws/aws-graviton-getting-started/blob/main/containers.md"],
  },
  {
    id: "aws-ecs",
    cloud: "aws",
    name: "Amazon ECS, Fargate",
    takes: [
      {
        platform: "linux/amd64",
        machines: "Intel or AMD",
        setting: "runtimePlatform.cpuArchitecture: X86_64",
      },
      { platform: "linux/arm64", machines: "Graviton", setting: "runtimePlatform.cpuArchitecture: ARM64" },
    ],
    sources: ["https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-arm-specifying.html"],
  },
  {
    id: "aws-lambda",
    cloud: "aws",
    name: "AWS Lambda",
    takes: [
      { platform: "linux/amd64", machines: "Intel or AMD", setting: "Architectures: [x86_64]" },
      { platform: "linux/arm64", machines: "Graviton2", setting: "Architectures: [arm64]" },
    ],
    note: "It takes no index of several platforms: push a tag of one platform.",
    sources: [
      "https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html",
      "https://docs.aws.amazon.com/lambda/latest/dg/images-create.html",
    ],
  },
];

const azure: readonly Place[] = [
  {
    id: "azure-vm",
    cloud: "azure",
    name: "Azure virtual machines, AKS",
    takes: [
      {
        platform: "linux/amd64",
        machines: "sizes with Intel or AMD processors (Standard_D2s_v6, …)",
        setting: "AKS: nodeSelector kubernetes.io/arch: amd64",
      },
      {
        platform: "linux/arm64",
        machines: "Cobalt 100 (Standard_D2ps_v6, …), Ampere Altra (Standard_D2ps_v5, …)",
        setting:
          "AKS: az aks nodepool add --node-vm-size Standard_D2ps_v6, nodeSelector kubernetes.io/arch: arm64",
      },
    ],
    note: "Nodes of an AKS pool are alike: Arm nodes need a pool of their own.",
    sources: [
      "https://learn.microsoft.com/azure/aks/create-node-pools",
      "https://learn.arm.com/learning-paths/servers-and-cloud-computing/csp/azure/",
    ],
  },
  {
    id: "azure-container-apps",
    cloud: "azure",
    name: "Azure Container Apps",
    takes: [{ platform: "linux/amd64", machines: "x86-64 only" }],
    sources: ["https://learn.microsoft.com/azure/container-apps/containers"],
  },
];

const gcp: readonly Place[] = [
  {
    id: "gcp-compute",
    cloud: "gcp",
    name: "Google Compute Engine",
    takes: [
      { platform: "linux/amd64", machines: "series with Intel or AMD processors (E2, N2, C3, …)" },
      { platform: "linux/arm64", machines: "C4A (Axion), T2A (Ampere Altra)" },
    ],
    sources: ["https://cloud.google.com/compute/docs/instances/arm-on-compute"],
  },
  {
    id: "gcp-gke",
    cloud: "gcp",
    name: "Google Kubernetes Engine",
    takes: [
      {
        platform: "linux/amd64",
        machines: "nodes with Intel or AMD processors",
        setting: "nodeSelector kubernetes.io/arch: amd64",
      },
      {
        platform: "linux/arm64",
        machines: "C4A and T2A nodes",
        setting: "nodeSelector kubernetes.io/arch: arm64",
      },
    ],
    note: "Arm nodes have the taint kubernetes.io/arch=arm64:NoSchedule: GKE adds the toleration where a node selector or affinity asks for arm64; Pods that may run on both need it written.",
    sources: [
      "https://cloud.google.com/kubernetes-engine/docs/how-to/prepare-arm-workloads-for-deployment",
      "https://cloud.google.com/kubernetes-engine/docs/how-to/autopilot-arm-workloads",
    ],
  },
  {
    id: "gcp-cloud-run",
    cloud: "gcp",
    name: "Google Cloud Run",
    takes: [{ platform: "linux/amd64", machines: "x86-64 only" }],
    note: "An index of several platforms must have linux/amd64.",
    sources: ["https://cloud.google.com/run/docs/container-contract"],
  },
];

const own: readonly Place[] = [
  {
    id: "raspberry-pi-64",
    cloud: "raspberry-pi",
    name: "Raspberry Pi, 64-bit system",
    takes: [{ platform: "linux/arm64", machines: "Pi 3, 4, 5, Zero 2 W" }],
    sources: ["https://docs.docker.com/engine/install/raspberry-pi-os/"],
  },
  {
    id: "raspberry-pi-32",
    cloud: "raspberry-pi",
    name: "Raspberry Pi, 32-bit system",
    takes: [{ platform: "linux/arm/v7", machines: "Pi 2, 3, 4" }],
    note: "Docker Engine 28 was the last for Raspberry Pi OS of 32 bit; Debian's armhf packages go on.",
    sources: ["https://docs.docker.com/engine/install/raspberry-pi-os/"],
  },
  {
    id: "raspberry-pi-armv6",
    cloud: "raspberry-pi",
    name: "Raspberry Pi of the first generation",
    takes: [{ platform: "linux/arm/v6", machines: "Pi 1, Zero, Zero W" }],
    note: "Docker's own packages don't support ARMv6 any more.",
    sources: ["https://docs.docker.com/engine/install/raspberry-pi-os/"],
  },
  {
    id: "apple-silicon",
    cloud: "desktop",
    name: "Mac with Apple silicon",
    takes: [{ platform: "linux/arm64", machines: "Docker Desktop, natively" }],
    note: "linux/amd64 runs by emulation, with --platform linux/amd64.",
    sources: ["https://docs.docker.com/build/building/multi-platform/"],
  },
  {
    id: "pc",
    cloud: "desktop",
    name: "PC, Mac with an Intel processor",
    takes: [{ platform: "linux/amd64", machines: "Docker, natively" }],
    sources: ["https://docs.docker.com/build/building/multi-platform/"],
  },
];

export const places: readonly Place[] = [...aws, ...azure, ...gcp, ...own];
