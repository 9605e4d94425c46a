import { archsOfUrl, type Download } from "./downloads.ts";

/** What one publisher calls amd64 and arm64 in file names. */
interface Publisher {
  readonly url: RegExp;
  readonly amd64: RegExp;
  readonly arm64: RegExp;
  readonly says: string;
}

const go = { amd64: /amd64/i, arm64: /arm64/i, says: "amd64 and arm64" };
const kernel = { amd64: /x86[_-]64/i, arm64: /aarch_?64/i, says: "x86_64 and aarch64" };
const node = { amd64: /x64/i, arm64: /arm64/i, says: "x64 and arm64" };
const goreleaser = { amd64: /x86_64/i, arm64: /arm64/i, says: "x86_64 and arm64" };

/** How well-known publishers name their files for Linux, as seen on their release pages. */
const publishers: readonly Publisher[] = [
  {
    url: /nodejs\.org\/(?:dist|download)|unofficial-builds\.nodejs|node-v[\d.]+-linux|npmmirror\.com\/mirrors\/node/i,
    ...node,
  },
  { url: /golang\.org\/dl\/|go\.dev\/dl\/|storage\.googleapis\.com\/golang/i, ...go },
  { url: /dl\.k8s\.io|kubernetes-release|get\.helm\.sh|releases\.hashicorp\.com/i, ...go },
  {
    url: /mikefarah\/yq|kubernetes-sigs\/|argoproj\/|prometheus\/|grafana\/|tianon\/gosu|krallin\/tini|cloudflare\/cloudflared|caddyserver\/caddy|getsops\/|mozilla\/sops|FiloSottile\/|fluxcd\/|cilium\/|etcd-io\/|minio|golangci\/|containerd\/|containernetworking|opencontainers\/|moby\/buildkit|docker\/buildx|cli\/cli\/|direnv\/|gruntwork-io\/|terraform-docs\/|aquasecurity\/tfsec|stern\/|derailed\/k9s|jqlang\/jq|hashicorp\/|istio\/|linkerd\/|traefik\/|go-task\/|golang-migrate\/|grpc-ecosystem\/|rclone|restic\//i,
    ...go,
  },
  {
    url: /download\.docker\.com\/linux\/static|docker\/compose\/releases|awscli-exe-linux|awscli\.amazonaws\.com/i,
    ...kernel,
  },
  { url: /Miniconda3|Miniforge3|Mambaforge|Anaconda3/i, ...kernel },
  {
    url: /protocolbuffers\/protobuf|protoc-[\d.]+-linux/i,
    amd64: /x86_64/,
    arm64: /aarch_64/,
    says: "x86_64 and aarch_64",
  },
  {
    url: /static\.rust-lang\.org|unknown-linux-(?:gnu|musl)|astral-sh\/|BurntSushi\/|sharkdp\/|casey\/just|denoland\/|cargo-bins\/|eza-community|starship|watchexec/i,
    ...kernel,
  },
  { url: /just-containers\/s6-overlay\/releases\/download\/v3/i, ...kernel },
  {
    url: /koalaman\/shellcheck|Kitware\/CMake|cmake\.org\/files|ziglang\.org|julialang|Yelp\/dumb-init|bufbuild\/buf|neovim\/neovim\/.*x86/i,
    ...kernel,
  },
  {
    url: /hadolint\/hadolint|jesseduffield\/|goreleaser\/|google\/go-containerregistry|charmbracelet\/|fullstorydev\/grpcurl|nektos\/act|vektra\/mockery/i,
    ...goreleaser,
  },
  {
    url: /dotnetcli|builds\.dotnet\.microsoft|PowerShell\/PowerShell|actions\/runner|tailwindlabs\/tailwindcss|vsts-agent|pnpm\/pnpm|microsoft\/.*vscode/i,
    ...node,
  },
  { url: /oven-sh\/bun|bun-linux/i, amd64: /x64/i, arm64: /aarch64/i, says: "x64 and aarch64" },
  {
    url: /adoptium\/temurin|api\.adoptium\.net|OpenJDK\d+U-/i,
    amd64: /x64/i,
    arm64: /aarch64/i,
    says: "x64 and aarch64",
  },
  {
    url: /gcloud|google-cloud-(?:sdk|cli)-[\d.]+-linux/i,
    amd64: /x86_64/i,
    arm64: /-arm(?:$|[.])/i,
    says: "x86_64 and arm",
  },
];

/** How a known publisher names its files, where that is as TARGETARCH or as uname has it. */
export function namingOf(url: string): "go" | "kernel" | undefined {
  const says = publishers.find((each) => each.url.test(url))?.says;
  return says === go.says ? "go" : says === kernel.says ? "kernel" : undefined;
}

/**
 * Where the publisher of a file is known, or the form of its name tells who writes so: what it should be called
 * for the target, if that isn't what the address says.
 */
export function wrongName(download: Download): string | undefined {
  const { url, place } = download;
  const { architecture } = place.view.scenario.target;
  if (architecture !== "amd64" && architecture !== "arm64") return undefined;
  const names = archsOfUrl(url).filter(({ arch }) => arch === architecture);
  if (names.every(({ text }) => isWritten(download, text))) return undefined;
  const publisher = publishers.find((each) => each.url.test(url));
  if (publisher !== undefined) {
    return names.some(({ text }) => publisher[architecture].test(text)) ? undefined : publisher.says;
  }
  return wrongForm(url);
}

/** Whether the name stands in the file as it is: then it is a constant and no mapping. */
function isWritten({ use, place }: Download, text: string): boolean {
  if (use === undefined) return place.instruction.text.includes(text);
  return use.executed.command.words.some(({ raw }) => raw.includes("/") && raw.includes(text));
}

/** Forms that only one naming goes with: triples, and packages named as their package manager does. */
function wrongForm(url: string): string | undefined {
  if (/(?:amd64|arm64|x64)-(?:unknown-)?linux-(?:gnu|musl)/i.test(url)) return "x86_64 and aarch64";
  if (/_(?:x86_64|aarch64)\.deb(?:$|[?#])/i.test(url)) return "amd64 and arm64";
  if (/[._-](?:amd64|arm64|x64)\.(?:rpm|apk)(?:$|[?#])/i.test(url)) return "x86_64 and aarch64";
  return undefined;
}

/** Whether a mapping leads to a name that the publisher doesn't have: a finding of its own. */
export function mappedWrongly(download: Download): boolean {
  return wrongName(download) !== undefined;
}
