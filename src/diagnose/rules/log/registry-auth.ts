import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "registry-auth",
  title: "The registry wants other credentials: none, expired, or not accepted",
  architecture: false,
  patterns: [
    { line: /\bdenied: denied\b/, nearNot: /push|exporting/i, score: 78 },
    {
      line: /pull access denied/i,
      nearNot:
        /docker\.io\/library\/\S+: pull access denied|push access denied|invalid from flag value|pull access denied for [^\s/,]{1,80}, /,
      score: 84,
    },
    { line: /pull access denied/i, nearNot: /invalid from flag value/, score: 70 },
    {
      line: /401 Unauthorized|\bUNAUTHORIZED\b|unauthorized: |authentication required|no basic auth credentials|incorrect username or password|failed to (?:fetch (?:oauth|anonymous) token|authorize)|invalid (?:username\/password|credentials)|HTTP Basic: Access denied|token (?:has )?expired|expired token|bad credentials|denied: .{0,40}(?:login|credential|token|authenticat)|reading manifest \S{1,80} in \S{1,160}: denied|login (?:failed|attempt|required)|Cannot perform an interactive login|Must provide --username|Error: Username and password required/i,
      nearNot:
        /npm (?:ERR!|error)|pip|404|503|toomanyrequests|429|5\d\d (?:Internal|Bad|Service)|i\/o timeout|context deadline|connection (?:refused|reset)|no such host|TLS handshake|x509|EOF/,
      score: 82,
    },
    {
      line: /error getting credentials|docker-credential-\S{1,40}.{0,80}(?:not found|No such|executable)|credential helper|credsStore/i,
      score: 86,
    },
    {
      line: /insufficient_scope|requested access to the resource is denied/i,
      nearNot: /push|exporting|denied: requested access to the resource is denied.{0,20}$/i,
      score: 76,
    },
  ],
  above: ["registry-manifest-unknown"],
  why: "The registry answered 401, or treats a private repository as if it didn't exist. The login is missing, for another host name, expired, or the credential helper named in ~/.docker/config.json isn't installed here.",
  fixes: [
    {
      title: "Log in to that very registry",
      detail:
        "docker login HOST (the host name of the reference; docker.io has none), or docker/login-action; anyarch login HOST. ECR and GCR tokens expire: log in again in the job.",
    },
    {
      title: "Repair the credential helper",
      detail:
        '"credsStore" or "credHelpers" in ~/.docker/config.json names docker-credential-X: install it or remove the line.',
    },
    {
      title: "See that the name is right",
      detail:
        "A repository that doesn't exist is answered the same way; mirrors (registry-mirrors, [registry] in buildkitd.toml) need credentials of their own.",
    },
  ],
  references: [],
  bad: [
    "Error: Username and password required\nRun docker/login-action@v3",

    "ERROR: failed to solve: registry.example.com/team/base:1: failed to resolve source metadata for registry.example.com/team/base:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    'error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ``',
  ],
  good: ["denied: requested access to the resource is denied\n#20 pushing layers"],
};
