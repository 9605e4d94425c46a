import type { CiPlan } from "./plan.ts";

/*
 * Scripts of the jobs, for bash. They are constants: what a user chose (paths, tags, platforms) reaches them as
 * environment variables, always in quotes, and never as text of a script.
 */

/** What makes a line more than a line in the log. */
const marks = {
  github: { error: "::error::", warning: "::warning::" },
  gitlab: { error: "error: ", warning: "warning: " },
} as const;

export const installScript = 'npm install --global "anyarch@$ANYARCH_VERSION"';

/** Before anything is built: the Dockerfile's faults, or whether all packages are there for each platform. */
export function checkScript({ service, dockerfile, config }: CiPlan): string {
  if (dockerfile === undefined) {
    const flags = config === undefined ? "" : ' --config "$CONFIG"';
    return accepting(`anyarch build "$CONTEXT" --engine assemble --dry-run${flags} --platform "$ASKED"`);
  }
  const format = service === "github" ? "github" : "text";
  return `anyarch check "$DOCKERFILE" --format ${format} --platform "\${PLATFORMS// /,}"`;
}

/** Registries take lower case only, and a repository on GitHub may have capitals. */
const firstTag = `tag="\${TAGS%%$'\\n'*}"
repository="\${tag%:*}"
repository="\${repository,,}"`;

/** What the image of one platform is called: `ghcr.io/me/app:1.0-arm64`. */
export const archScript = `${firstTag}
arch="\${PLATFORM#*/}"
arch="\${arch//\\//-}"`;

/** The flags that all builds have; `builder` where the job has made one. */
export function buildCommand(plan: CiPlan): string {
  const engine = plan.dockerfile === undefined ? "assemble" : 'buildkit --file "$DOCKERFILE"';
  const config = plan.config === undefined ? "" : ' --config "$CONFIG"';
  const builder = plan.ownBuilder ? ' --builder "$BUILDER"' : "";
  return `anyarch build "$CONTEXT" --engine ${engine}${config}${builder} --progress plain`;
}

/** All platforms, the optional ones with their question mark, under all tags. */
export function buildAllScript(plan: CiPlan): string {
  return `tags=()
while IFS= read -r tag <&4; do
  repository="\${tag%:*}"
  repository="\${repository,,}"
  tags+=(--tag "$repository:\${tag##*:}")
done 4<<<"$TAGS"
${accepting(`${buildCommand(plan)} --platform "$ASKED" "\${tags[@]}" --push --metadata-file "$METADATA" --iidfile "$DIGEST_FILE"`)}`;
}

/** Exit code 3 says that an optional platform is missing, and which: that is no failure of the job. */
function accepting(command: string): string {
  return `code=0
${command} || code=$?
if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then exit "$code"; fi`;
}

/** The builder must have every platform: docker's own has that of its machine only. */
export function builderScript(service: CiPlan["service"]): string {
  return `docker buildx inspect --bootstrap "$BUILDER"
have="$(docker buildx inspect "$BUILDER" | sed -n 's/^ *Platforms: *//p' | tr -d ' *' | tr '\\n' ',')"
for platform in $NEEDED; do
  case ",$have" in
    *",$platform,"*) echo "$BUILDER builds $platform" ;;
    *)
      echo "${marks[service].error}The builder $BUILDER doesn't build $platform, only $have" >&2
      exit 1
      ;;
  esac
done`;
}

const besideConfig = '"$(dirname "$CONFIG")"';

/** Checks the pushed image as [test] of the configuration says, at least `uname -m`; runs beside that file. */
export function testScript({ config }: CiPlan): string {
  return `cd ${config === undefined ? '"$CONTEXT"' : besideConfig}\nanyarch test "$IMAGE" --platform "$PLATFORM" --progress plain`;
}

/** One index of what was built, under every tag, proved and shown; a registry that lags behind gets another try. */
export function mergeScript({ service, config }: CiPlan): string {
  const { error, warning } = marks[service];
  // Commands without --config find there what it says of registries.
  const place = config === undefined ? "" : `cd ${besideConfig}\n`;
  return `${place}${firstTag}
sources=()
built=()
for platform in $PLATFORMS; do
  key="DIGEST_\${platform//[^A-Za-z0-9]/_}"
  digest="\${!key:-}"
  if [ -n "$digest" ]; then
    sources+=("$repository@$digest")
    built+=("$platform")
  elif [[ " $REQUIRED " == *" $platform "* ]]; then
    echo "${error}$platform is required, and there is no image of it." >&2
    exit 1
  else
    echo "${warning}The optional platform $platform failed and is left out."
  fi
done
while IFS= read -r tag <&4; do
  repository="\${tag%:*}"
  target="\${repository,,}:\${tag##*:}"
  attempt=1
  until anyarch index create "$target" "\${sources[@]}"; do
    code=$?
    if [ "$code" -ne 4 ] || [ "$attempt" -ge 3 ]; then exit "$code"; fi
    sleep "$((attempt * 5))"
    attempt=$((attempt + 1))
  done
  anyarch verify "$target" --platform "$(IFS=,; echo "\${built[*]}")"
  anyarch inspect "$target"
done 4<<<"$TAGS"
anyarch inspect "$target" --format json > "$RESULT"`;
}

/** Markdown of --metadata-file's or of inspect's JSON; of a build that failed, why. */
const summaryProgram = `const { existsSync, readFileSync, writeSync } = require("node:fs");
const [, , title, path] = process.argv;
const cell = (value) => String(value ?? "").replace(/[|\\r\\n]+/g, " ").replace(/</g, "&lt;");
const lines = ["## " + cell(title), ""];
if (!existsSync(path)) lines.push("There is no result.");
else {
  const result = JSON.parse(readFileSync(path, "utf8"));
  const error = result["anyarch.error"];
  if (error) lines.push("**" + error.code + "**: " + cell(error.message), "", cell(error.hint), "");
  const digest = result["containerimage.digest"] ?? result.digest;
  if (digest) lines.push("\`" + cell(result["image.name"] ?? result.location) + "\` is \`" + digest + "\`", "");
  const rows = result["anyarch.platforms"] ?? result.platforms ?? [];
  if (rows.length > 0) lines.push("| Platform | Digest | Built | Time |", "| --- | --- | --- | --- |");
  for (const { platform, digest: own, placement, node, durationMs } of rows) {
    const time = durationMs === undefined ? "" : (durationMs / 1000).toFixed(1) + " s";
    const how = [placement, node].filter(Boolean).join(" on ");
    lines.push("| " + [platform, own, how, time].map(cell).join(" | ") + " |");
  }
  for (const { platform, message } of result["anyarch.omitted"] ?? [])
    lines.push("| " + [platform, "left out", message, ""].map(cell).join(" | ") + " |");
}
writeSync(1, lines.join("\\n") + "\\n");`;

export const summaryScript = `node - "$TITLE" "$METADATA" >> "$GITHUB_STEP_SUMMARY" <<'EOF'
${summaryProgram}
EOF`;
