import { checkRules, type CheckReport } from "../../index.ts";

const levels = { error: "error", warning: "warning", info: "note" } as const;

/** SARIF 2.1.0, as code scanning services take it. */
export async function sarifOf({ findings }: CheckReport): Promise<object> {
  const known = await checkRules();
  const used = new Set(findings.map(({ rule }) => rule));
  const rules = known
    .filter(({ id }) => used.has(id))
    .map(({ id, title, why, fix, severity }) => ({
      id,
      shortDescription: { text: title },
      fullDescription: { text: why },
      help: { text: fix },
      defaultConfiguration: { level: levels[severity] },
    }));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "anyarch", rules } },
        results: findings.map(({ rule, severity, message, file, line, endLine, platforms, fix }) => ({
          ruleId: rule,
          level: levels[severity],
          message: { text: `${message} ${fix.split("\n")[0] ?? ""}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(file.replaceAll("\\", "/")) },
                region: { startLine: line, endLine },
              },
            },
          ],
          properties: { platforms },
        })),
      },
    ],
  };
}
