/**
 * Generates everything anew and fails when a file changed by it: what is committed must be what the
 * definitions and tables say. The changed files stay, ready to be looked at and committed.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./source-files.js";

const generated = ["src/wire", "docs/reference", "docs/ARCHITECTURE.md", "deploy/env"];

const before = digests();
execFileSync("npm", ["run", "--silent", "generate"], { cwd: root, stdio: "inherit" });
const after = digests();

const changed = [...new Set([...before.keys(), ...after.keys()])].filter((path) => {
  return before.get(path) !== after.get(path);
});
if (changed.length > 0) {
  process.stderr.write(`generated files were not current; commit what changed:\n`);
  for (const path of changed) process.stderr.write(`  ${path}\n`);
  process.exitCode = 1;
}

function digests(): ReadonlyMap<string, string> {
  const paths = generated.flatMap((path) => {
    if (statSync(join(root, path)).isFile()) return [path];
    return readdirSync(join(root, path), { recursive: true, encoding: "utf8" }).map((file) => {
      return `${path}/${file}`;
    });
  });
  return new Map(
    paths
      .filter((path) => statSync(join(root, path)).isFile())
      .map((path) => {
        const text = readFileSync(join(root, path));
        return [path, createHash("sha256").update(text).digest("hex")];
      }),
  );
}
