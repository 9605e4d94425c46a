import { archsOfUrl, baseName, downloadsOf, ruleOfUrl, type Download } from "../../dockerfile/downloads.ts";
import { archNames } from "../../dockerfile/arch-names.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, placesOf, usesOf } from "../../dockerfile/uses.ts";

/** Files for x86 whose names don't say so. */
const x86 =
  /\/ninja-linux\.zip|sonar-scanner-cli-[\d.]+-linux\.zip|\/cloud_sql_proxy(?:\.linux)?$|\/steamcmd_linux\.tar|\/geckodriver-[\w.]+-linux\.tar|phantomjs|\/wkhtmltox-[\d.]+_linux-generic|instantclient-(?:basic|sqlplus|sdk)[\w-]*-linux\.zip|oc-[\d.]+-linux\.tar|openshift-client-linux\.tar|\/jq-1\.[0-5]\b|docker-machine-Linux$|\/ecs-cli-linux-latest|ngrok-stable-linux|\/terraform_linux|google-cloud-sdk\.tar|alpine-pkg-glibc\/releases\/.*\.apk|gcc-arm-none-eabi-[\w.-]+-linux\.tar|\/cuda_[\d.]+_[\d.]+_linux\.run|krallin\/tini\/releases\/download\/v[\d.]+\/tini(?:-static)?$|\/awscli-exe-linux\.zip|\/bazel-[\d.]+-installer-linux\.sh|\/bin-linux(?:-preview)?\/bedrock-server-|\/latest\/(?:linux|alpine)\/codecov$|\/terraria-server-\d+\.zip|Godot_v[\d.]+-\w+_linux_(?:headless|server)\.64/i;
const scripts =
  /\.(?:sh|bash|py|pl|rb|js|mjs|phar|jar|pex|pyz|whl|txt|json|ya?ml|conf|gpg|asc|pub|key|pem|crt|sql|xml|html|css|md|patch|diff|repo|list|sig|sha\d+\w*|vsix|ttf|csv|wasm|gem|crx|xpi|apk|dat|mmdb|onnx|bin|pt|gguf|model)(?:$|\?)|raw\.githubusercontent|gist\.github|\/raw\/|install(?:er)?(?:\.sh)?$|\/\/get\.[^/]+\/?$|-src\b|source(?!forge)|\/archive\/|yt-dlp$|youtube-dl$|wp-cli|composer|\/repo$|wait-for|bashly|\/(?:install|setup|wait|entrypoint|configure|bootstrap|docker-(?:entrypoint|php))[\w-]*$|\/n$|nvm|cpanm|newrelic-php5-|\/lein$|\/(?:boot|mill|sbt|kerl|repo|wp|drush|phive|rebar3?|kubectx|kubens|testssl|neofetch|asdf|fzf-tmux|git-\w+|bats|ack|dehydrated|acme|hub\.\w+|cht\.sh|certbot-auto)$|pyenv|rustup|\/setup_/i;

export const rule: DockerfileRule = {
  id: "unmarked-binary-download",
  severity: "warning",
  title: "A fetched program names no architecture",
  why: "Its publisher has a file for one CPU, mostly x86-64, and doesn't say so: every target gets it.",
  fix: "Look for the publisher's file for the target, else limit the step or the image to amd64.",
  bad: [
    "FROM debian:12\nRUN curl -fsSL https://github.com/acme/tool/releases/download/v1.2.0/tool-linux -o /usr/local/bin/tool && chmod +x /usr/local/bin/tool\n",
    "FROM debian:12\nRUN curl -fsSLO https://github.com/ninja-build/ninja/releases/download/v1.11.1/ninja-linux.zip\n",
  ],
  good: [
    "FROM debian:12\nRUN curl -fsSL https://raw.githubusercontent.com/acme/tool/main/run.sh -o /usr/local/bin/run && chmod +x /usr/local/bin/run\n",
    "FROM debian:12\nRUN curl -fsSL https://get.docker.com | sh\n",
    "FROM debian:12\nRUN curl -fsSLo /app.jar https://github.com/acme/app/releases/download/v1/app.jar\n",
  ],
  mentions: /(?:https?|ftp|s3|gs):/,
  check(model, report) {
    const made = executables(model);
    for (const download of downloadsOf(model)) {
      const { url, place, line } = download;
      if (
        !isNative(place.view) ||
        place.stage.platform.architecture === "amd64" ||
        archsOfUrl(url).length > 0 ||
        archNames(url).length > 0
      )
        continue;
      if (x86.test(url)) report({ line, severity: "error", message: `${baseName(url)} is for x86-64 only.` });
      else if (ruleOfUrl(url) === "hardcoded-arch-download" && isProgram(download, made))
        report({ line, message: `${baseName(url)} names no architecture: it is for one only.` });
    }
  },
};

/** Names of files that are made executable: by chmod, by install, or by ADD. */
function executables(model: DockerfileModel): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { program, args } of usesOf(model)) {
    const words = args.filter((word) => !word.startsWith("-"));
    if (program === "chmod" && /\+\w*x|[157]{3}|0?[157]\d\d|[ugoa]*=\w*x/.test(args.join(" ")))
      for (const word of words) names.add(baseName(word));
    if (program === "install" && !args.includes("-d") && !/-\w*m\s*0?[0246]{3}\b/.test(args.join(" ")))
      for (const word of words) names.add(baseName(word));
  }
  for (const { instruction, at } of placesOf(model)) {
    const mode = instruction.flags.find(({ name }) => name === "chmod")?.value ?? "";
    if (instruction.keyword === "ADD" && /x|^0?[157]\d\d$/.test(mode))
      for (const word of at.words) names.add(baseName(word));
  }
  return names;
}

/** A file without suffix that is made executable, or whose name ends in "linux". */
function isProgram({ url, outputs }: Download, made: ReadonlySet<string>): boolean {
  if (scripts.test(url) || !/^https?:\/\/[\w.-]+\//.test(url) || /\ufffc/.test(baseName(url))) return false;
  if (/[-_.]linux(?:\.(?:tar\.\w+|tgz|zip|gz|deb|rpm|run|bin))?$|\.AppImage$/i.test(url)) return true;
  const published =
    /\/releases\/(?:download|latest)\/|\/(?:download|dl|dist|bin)\/|\/v?\d+\.\d+/.test(url) ||
    outputs.some((path) => /(?:^|\/)s?bin\/[^/]*$/.test(path));
  const bare = !/\.[a-z]{2,4}$/i.test(baseName(url)) && baseName(url) !== "";
  return published && bare && [url, ...outputs].some((path) => made.has(baseName(path)));
}
