import type { CheckReport } from "../../index.ts";

const commands = { error: "error", warning: "warning", info: "notice" } as const;

/** Workflow commands of GitHub Actions: annotations on the lines. */
export function githubLines({ findings }: CheckReport): string {
  return findings
    .map(({ severity, file, line, endLine, rule, message, fix }) => {
      const place = `file=${property(file)},line=${line},endLine=${endLine},title=${property(rule)}`;
      return `::${commands[severity]} ${place}::${data(`${message} ${fix.split("\n")[0] ?? ""}`)}\n`;
    })
    .join("");
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
