// Bundles the pages: the style sheet goes into each, under a name that changes with its content.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const css = readFileSync("src/style.css", "utf8").replaceAll(/\s+/g, " ");
const name = `style.${createHash("sha256").update(css).digest("hex").slice(0, 8)}.css`;
mkdirSync("dist", { recursive: true });
writeFileSync(`dist/${name}`, css);
writeFileSync("dist/index.html", readFileSync("src/index.html", "utf8").replace("style.css", name));
