/* oxlint-disable no-control-regex -- terminal sequences are made of control characters */
/** A line longer than this is cut in its middle: rules look at messages, not at data. In characters. */
const longest = 2400;
const keptOfEnd = 800;

const terminalSequences =
  /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78])/g;
/** What is left of sequences whose ESC was lost on the way. */
const brokenSequences = /(?:\^\[|\\u001b|\\x1b|\\033)?\[(?:0K|(?:\d{1,3}(?:;\d{0,3}){0,5})?m|0;m)/g;
const controls = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]/g;

/** Prefixes of CI systems, in this order; twice, since one may wrap another. */
const prefixes: readonly RegExp[] = [
  /^_bk;t=\d+/, // Buildkite
  /^[^\t\n]{1,120}\t[^\t\n]{1,120}\t(?=\ufeff?\d{4}-\d\d-\d\dT)/, // gh run view --log
  /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?(?: (?=\d\d[OE]\+? ?)| |$|\t)/,
  /^[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \S{1,60} [\w./-]{1,60}(?:\[\d{1,8}\])?: /, // journald, syslog
  /^\[\d\d:\d\d:\d\d\][iWEFD]? {0,2}:\s{1,4}\[[^\]]{1,60}\] ?/, // TeamCity
  /^\d\d[OE][+ ]? ?/, // GitLab's stream marks, after its timestamp
  /^\[?\d\d:\d\d:\d\d(?:\.\d{1,6})?\]?\s{1,4}/, // Jenkins' timestamper
  /^section_(?:start|end):\d+:[\w.-]{1,80}(?:\[[^\]]{0,80}\])?/, // GitLab
  /^##\[(?:error|warning|debug|group|section|command)\]/, // GitHub, Azure
  /^::(?:error|warning|notice|group)(?: [^:]{0,200})?::/,
  /^\[(?:\d{1,3}\/\d{1,3}|build|Build|main|Error|Info|Warning|stderr|stdout)\] {2,}/, // balena and the like
  /^\[(?:INFO|ERROR)\] DOCKER> /, // fabric8's Maven plugin
  /^[A-Za-z][\w.-]{0,40} +\| (?= ?\S)/, // docker compose
];

/** How a further prefix may begin. */
const another = /^(?:[[\d]|##\[|::|_bk;|section_|[A-Z][a-z]{2} {1,2}\d|[A-Za-z][\w.-]{0,40} +\|)/;

/** A line of BuildKit's plain output, whatever a wrapper (Maven, a logger, a quotation) put before it. */
const wrapped =
  /^\s{0,12}(?:\S{1,40} {1,4}){0,5}(?=#\d{1,4} (?:\d{1,6}\.\d{1,3} |\[linux\/|\[[\w.-]{1,40} \d{1,4}\/\d{1,4}\] |DONE \d|ERROR: ))/;

/**
 * The lines that a raw one shows, clean: colours, CI prefixes and timestamps off; a progress bar's carriage returns
 * separate lines. Empty ones are left out.
 */
export function cleanLine(raw: string): readonly string[] {
  if (!raw.includes("\r")) return [clean(raw)].filter((text) => text !== "");
  const segments = raw.split("\r").filter((segment) => segment.trim() !== "");
  // What a progress bar ended with is what a person saw.
  return segments
    .slice(-4)
    .map(clean)
    .filter((text) => text !== "");
}

function clean(raw: string): string {
  let text = raw.length > longest ? `${raw.slice(0, longest - keptOfEnd)} … ${raw.slice(-keptOfEnd)}` : raw;
  if (text.includes("\x1b")) text = text.replace(terminalSequences, "");
  if (text.includes("[")) text = text.replace(brokenSequences, "");
  text = text.replace(controls, "");
  const whole = text;
  for (const prefix of prefixes) text = text.replace(prefix, "");
  if (text !== whole && another.test(text)) for (const prefix of prefixes) text = text.replace(prefix, "");
  if (text.includes(" #")) text = text.replace(wrapped, "");
  return text.trimEnd();
}
