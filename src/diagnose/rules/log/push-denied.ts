import type { LogLine } from "../../log/log-line.ts";
import type { LogView } from "../../log/log-view.ts";
import type { LogRule } from "../../log/log-rule.ts";

/** What a registry says of a pull ends with the same words. */
function isOfPush(_log: LogView, { text }: LogLine): boolean {
  return !/pull access denied|invalid from flag value/.test(text);
}

export const rule: LogRule = {
  code: "push-denied",
  title: "The login has no right to push to this repository",
  architecture: false,
  patterns: [
    { line: /\bdenied: denied\b/, near: /push|exporting/i, score: 84 },
    {
      line: /denied: requested access to the resource is denied|push access denied|permission_denied: \S{0,40}write|denied: (?:permission|installation|Permission|User|The|Artifact|Your|resource|access|not_found|Unauthenticated|project)|not allowed to (?:Write|write|push|create)|write_package|(?:does not have|lacks|no) (?:permission|right|access)s? .{0,40}(?:push|write|upload|registry)|uploadArtifacts|403 Forbidden|HTTP 403|DENIED:|\bDENIED\b/,
      near: /push|exporting|upload|write_package|installation|HEAD|POST|PUT|uploadArtifacts|blobs/i,
      nearNot:
        /npm (?:ERR!|error)|apt|pip|exporting (?:to \S{0,30} )?cache|cache service|pull access denied|403 +Forbidden \[IP/,
      check: isOfPush,
      score: 86,
    },
    { line: /name unknown: The repository with name/i, near: /push/i, score: 86 },
    {
      line: /(?:writing blob|initiating layer upload|trying to reuse blob).{0,240}unauthorized: access to the requested resource is not authorized|unauthorized: project \S{1,80} not found/,
      near: /writing blob|layer upload|trying to reuse|push/i,
      score: 86,
    },
    { line: /insufficient_scope/i, near: /push|exporting|upload/i, score: 86 },
    { line: /failed to push .{0,200}(?:denied|403|insufficient_scope|forbidden)/i, score: 90 },
    { line: /denied: requested access to the resource is denied/, check: isOfPush, score: 76 },
  ],
  above: ["registry-auth", "registry-manifest-unknown", "generic-user-error", "network-transient"],
  why: "Who pushes is known, or nobody is logged in for this name, and writing there isn't allowed: the token has no write scope, the repository belongs to somebody else, doesn't exist (and isn't made by itself), or the tag is docker.io/library/NAME because the user's name is missing.",
  fixes: [
    {
      title: "Correct the name",
      detail: "docker.io/USER/NAME, ghcr.io/OWNER/NAME in lower case, the ECR repository that exists.",
    },
    {
      title: "Grant the right to write",
      detail:
        "GitHub: permissions: packages: write in the workflow, and the package's settings must name the repository. Others: a token with write or push scope, a robot account of that project.",
    },
  ],
  references: ["https://github.com/docker/build-push-action/issues/254"],
  bad: [
    "Getting image source signatures\nError: writing blob: initiating layer upload to /v2/acme/app/blobs/uploads/ in quay.io: unauthorized: access to the requested resource is not authorized",
    "The push refers to repository [harbor.example.com/acme/app]\nunauthorized: project acme not found: project acme not found",

    "#20 pushing layers\n#20 ERROR: failed to push docker.io/library/app:1: push access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    "denied: installation not allowed to Write organization package\n#20 pushing layers",
  ],
  good: [
    "Step 4/4 : COPY --from=assets /out /srv\ninvalid from flag value assets: pull access denied for assets, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "ERROR: failed to solve: registry.example.com/team/base:1: pull access denied, repository does not exist or may require authorization",
  ],
};
