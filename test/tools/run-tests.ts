/**
 * Runs the compiled tests in one go: each file in its own process, several at a time, the slow
 * tiers first so that none of them is left to run alone at the end. Arguments are parts of paths:
 * `npm test -- engine` runs what lies under test/engine, no argument runs everything.
 *
 * Says little while all goes well; a failure is printed where it happens and again at the end. The
 * last line is `N passed, N failed`, and the process fails when anything did, when a test was
 * skipped, or when nothing ran at all: a green run must mean something.
 */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const fileTimeoutMs = 10 * 60_000;
const slowFilesShown = 5;
/** The longest first; what is not named here comes after them. */
const slowTiers = ["model", "proof", "hostile", "crash", "cli", "daemon", "contract", "engine"];

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  milliseconds: number;
}

interface Result {
  readonly name: string;
  readonly file?: string | undefined;
  readonly nesting: number;
  readonly details: {
    readonly duration_ms: number;
    readonly type?: string;
    readonly error?: Error;
  };
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
}

const beganMs = performance.now();
const wanted = process.argv.slice(2);
const files = testFiles().filter((file) => isWanted(file));
const byFile = new Map<string, Tally>();
const failures: string[] = [];
/** The test that a file began last: where it hung, when the whole file is given up. */
const lastBegun = new Map<string, string>();

const results = run({
  files: files.map(compiled),
  concurrency: Math.max(2, availableParallelism()),
  timeout: fileTimeoutMs,
});
results.on("test:start", ({ name, file }: { readonly name: string; readonly file?: string }) => {
  if (file !== undefined) lastBegun.set(shortName(file), name);
});
results.on("test:pass", (result: Result) => {
  note(result, result.skip === undefined && result.todo === undefined ? "passed" : "skipped");
});
results.on("test:fail", (result: Result) => {
  note(result, "failed");
  if (isOnlyFailedChildren(result)) return;
  const file = nameOf(result);
  const begun = lastBegun.get(shortName(result.name));
  const hung = begun === undefined ? "" : `\nlast begun in it: ${begun}`;
  const text = `FAILED ${file} › ${result.name}\n${explain(result.details.error)}${hung}`;
  failures.push(text);
  process.stdout.write(`${text}\n\n`);
});
results.on("test:stderr", ({ message }: { readonly message: string }) => {
  process.stderr.write(message);
});
results.on("end", finish);
// A stream flows only when somebody reads it; the events above are all that is wanted of it.
results.resume();

/** From the sources, not from dist: what was deleted may still lie there compiled. */
function testFiles(): readonly string[] {
  const found = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .sort();
  return [...slowTiers, undefined].flatMap((tier) => {
    return found.filter((file) => slowTiers.find((name) => file.startsWith(`${name}/`)) === tier);
  });
}

function isWanted(file: string): boolean {
  return wanted.length === 0 || wanted.some((part) => `test/${file}`.includes(part));
}

function compiled(file: string): string {
  return join(root, "dist/test", file.replace(/\.ts$/, ".js"));
}

/** "daemon/stop", whether the runner names the source or what was compiled from it. */
function nameOf(result: Result): string {
  return result.file === undefined ? "?" : shortName(result.file);
}

function shortName(path: string): string {
  return relative(root, path).replace(/^(dist\/)?test\/|(\.test)?\.[jt]s$/g, "");
}

function note(result: Result, outcome: "passed" | "failed" | "skipped"): void {
  const file = nameOf(result);
  const tally = byFile.get(file) ?? { passed: 0, failed: 0, skipped: 0, milliseconds: 0 };
  if (!byFile.has(file)) process.stdout.write(`${elapsed()} running ${file}\n`);
  byFile.set(file, tally);
  // A suite is a heading; what is counted are its tests.
  if (result.details.type !== "suite") tally[outcome] += 1;
  if (result.nesting === 0) tally.milliseconds += result.details.duration_ms;
}

function elapsed(): string {
  return `[${String(Math.round((performance.now() - beganMs) / 1_000)).padStart(4)} s]`;
}

/** A parent that fails because a child failed has nothing to say of its own. */
function isOnlyFailedChildren(result: Result): boolean {
  const error = result.details.error as { readonly failureType?: string } | undefined;
  return error?.failureType === "subtestsFailed";
}

function explain(error: Error | undefined): string {
  const inner = error?.cause ?? error;
  if (inner instanceof Error) return inner.stack ?? inner.message;
  return typeof inner === "string" ? inner : JSON.stringify(inner);
}

function finish(): void {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const tally of byFile.values()) {
    totals.passed += tally.passed;
    totals.failed += tally.failed;
    totals.skipped += tally.skipped;
  }
  printSlowest();
  for (const text of failures) process.stdout.write(`\n${text}\n`);
  if (totals.skipped > 0) process.stdout.write(`${String(totals.skipped)} skipped or to do\n`);
  if (byFile.size === 0) process.stdout.write("no test matched what was asked for\n");
  const healthy = failures.length === 0 && totals.failed === 0 && totals.skipped === 0;
  process.exitCode = healthy && totals.passed > 0 ? 0 : 1;
  process.stdout.write(`${String(totals.passed)} passed, ${String(totals.failed)} failed\n`);
}

function printSlowest(): void {
  const slowest = [...byFile].sort((a, b) => b[1].milliseconds - a[1].milliseconds);
  process.stdout.write(`${String(byFile.size)} files; the slowest:\n`);
  for (const [file, tally] of slowest.slice(0, slowFilesShown)) {
    process.stdout.write(`  ${(tally.milliseconds / 1_000).toFixed(1)} s  ${file}\n`);
  }
}
