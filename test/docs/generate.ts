/** Writes the reference pages and the layer picture: `npm run generate:docs`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../tools/source-files.js";
import { generatedPages } from "./pages.js";

for (const [path, text] of generatedPages()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
