/** What the reference pages say is what the tables in the code say, today. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readText, root } from "../tools/source-files.js";
import { generatedPages } from "./pages.js";

for (const [path, text] of generatedPages()) {
  test(`${path} is what the tables and the imports say`, () => {
    assert.ok(existsSync(join(root, path)), `${path} is missing: npm run generate:docs`);
    // Not compared by the runner: it would print both pages in full.
    assert.ok(readText(path) === text, `${path} is out of date: npm run generate:docs`);
  });
}
