/**
 * A copy of the compiled program with a mistake in it, on purpose: a suite that does not notice it
 * proves nothing. No switch for it exists in the program itself; the copy is changed as text, and a
 * change that finds nothing to change is an error, so the mistakes keep up with the code.
 */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const compiled = fileURLToPath(new URL("../../", import.meta.url));
const packageFile = fileURLToPath(new URL("../../../../package.json", import.meta.url));

export interface TextChange {
  /** Below src, as compiled. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface MutantBuild {
  readonly daemon: string;
  readonly solo: string;
  readonly stateCheck: string;
  readonly flips: string;
}

/** Builds into the directory, which must exist and be empty. */
export function buildMutant(directory: string, changes: readonly TextChange[]): MutantBuild {
  const source = join(directory, "dist", "src");
  cpSync(compiled, source, { recursive: true });
  cpSync(packageFile, join(directory, "package.json"));
  symlinkSync(packagesDirectory(), join(directory, "node_modules"), "dir");
  for (const { file, from, to } of changes) {
    const path = join(source, file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} to change`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  const prove = join(source, "prove");
  return {
    daemon: join(source, "kvdbd.js"),
    solo: join(prove, "solo", "solo-process.js"),
    stateCheck: join(prove, "states", "state-check-process.js"),
    flips: join(prove, "flips", "flip-process.js"),
  };
}

/** Where this program finds its packages, wherever it is installed. */
function packagesDirectory(): string {
  const manifest = createRequire(import.meta.url).resolve("better-sqlite3/package.json");
  return dirname(dirname(manifest));
}
