import { Document, isMap, isPair, isScalar } from "yaml";

/** Comments by the path of what they stand before: ["jobs", "build"]. */
export type Comments = ReadonlyMap<readonly (string | number)[], string>;

/**
 * A file's text; the library quotes what has to be. `version` is the reader's: Ruby's, which GitLab has, still takes
 * `on` and `yes` for truth values.
 */
export function yamlText(
  content: unknown,
  header: string,
  comments: Comments,
  version: "1.1" | "1.2" = "1.2",
): string {
  const document = new Document(content, { version, aliasDuplicateObjects: false });
  document.commentBefore = commentOf(header);
  for (const [path, text] of comments) {
    const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find(
      (item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1),
    );
    if (pair !== undefined && isScalar(pair.key)) pair.key.commentBefore = commentOf(text);
  }
  return document.toString({ lineWidth: 0, directives: false });
}

function commentOf(text: string): string {
  return text
    .split("\n")
    .map((line) => ` ${line}`)
    .join("\n");
}
