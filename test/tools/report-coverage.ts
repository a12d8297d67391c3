/**
 * Reports the coverage that V8 wrote into a directory while the tests ran (NODE_V8_COVERAGE), and
 * fails below the bound in .c8rc.json. Files that nothing loaded count as uncovered, except those
 * that hold only types: the compiler leaves no line of them that could run.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { filesBelow, readText, root } from "./source-files.js";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("name the directory that the coverage is in");

const exclude = filesBelow("src", ".ts").filter(holdsOnlyTypes);
const flags = ["report", "--temp-directory", directory, "--exclude", "src/wire/**"];
for (const path of exclude) flags.push("--exclude", path);
const c8 = spawnSync(join(root, "node_modules/.bin/c8"), flags, { cwd: root, stdio: "inherit" });
process.exitCode = c8.status ?? 1;

function holdsOnlyTypes(path: string): boolean {
  const code = readText(`dist/${path.replace(/\.ts$/, ".js")}`)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\/\/.*$/gm, "")
    .trim();
  return code === "export {};";
}
