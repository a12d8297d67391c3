/**
 * What is loaded before a daemon serves. Three quarters of a start are modules, in every thread anew,
 * and a single import brings them back unnoticed: so the numbers are bounded, a little above what they
 * are. Raise one when the files are needed for serving; load the others when they are first asked for.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = new URL("../../src/", import.meta.url);

interface Reached {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
}

/** Everything that a compiled file imports, and what that imports. Not what it loads later. */
function reachedFrom(entry: string): Reached {
  const files = new Set<string>();
  const packages = new Set<string>();
  const waiting = [new URL(entry, source).href];
  for (const file of waiting) {
    if (files.has(file)) continue;
    files.add(file);
    const text = readFileSync(new URL(file), "utf8");
    for (const [, name = ""] of text.matchAll(
      /^(?:import|export) (?:[^;"=(]* from )?"([^"]+)";$/gm,
    )) {
      if (name.startsWith(".")) waiting.push(new URL(name, file).href);
      else if (!name.startsWith("node:")) packages.add(name);
    }
  }
  return { files, packages };
}

const starts = [
  { entry: "daemon/daemon.js", filesMax: 25 },
  { entry: "daemon/serve.js", filesMax: 225 },
  { entry: "engine/commit/writer-thread.js", filesMax: 58 },
  { entry: "engine/read/reader-thread.js", filesMax: 40 },
  { entry: "engine/integrity/integrity-process.js", filesMax: 6 },
  { entry: "engine/integrity/integrity-thread.js", filesMax: 30 },
  { entry: "engine/integrity/scrub-thread.js", filesMax: 30 },
] as const;

for (const { entry, filesMax } of starts) {
  test(`${entry} imports at most ${String(filesMax)} of our files, and no CommonJS package`, () => {
    const { files, packages } = reachedFrom(entry);
    assert.ok(files.size > 1, "the imports were found");
    assert.ok(files.size <= filesMax, `it imports ${String(files.size)}`);
    // An import of CommonJS has its source read and parsed for names; such packages are required.
    assert.deepEqual(
      [...packages].filter((name) => name !== "lru-cache"),
      [],
    );
  });
}

test("what only reads a store that nobody serves, and what only describes services, is loaded by nobody who serves", () => {
  const { files } = reachedFrom("daemon/serve.js");
  const names = [...files].map((file) => file.slice(source.href.length));
  for (const later of ["engine/examine-store.js", "rpc/reflection-service.js"]) {
    assert.ok(!names.includes(later), `${later} is imported`);
  }
});

test("of the packages, no more is loaded than a daemon runs", () => {
  const script = `
    await import(${JSON.stringify(new URL("daemon/serve.js", source).href)});
    const { createRequire } = await import("node:module");
    console.log(JSON.stringify(Object.keys(createRequire(${JSON.stringify(source.href)}).cache)));
  `;
  const flags = ["--input-type=module", "--eval", script];
  const loaded = JSON.parse(
    execFileSync(process.execPath, flags, { encoding: "utf8" }),
  ) as string[];
  const of = (name: string): number => {
    return loaded.filter((file) => file.includes(`/node_modules/${name}/`)).length;
  };
  assert.ok(of("@grpc/grpc-js") > 0, "the packages were found");
  assert.equal(of("@opentelemetry/api"), 0);
  assert.ok(of("prom-client") <= 12, `prom-client: ${String(of("prom-client"))} files`);
  assert.ok(of("winston") <= 12, `winston: ${String(of("winston"))} files`);
  assert.ok(of("@bufbuild/protobuf") <= 8, `protobuf: ${String(of("@bufbuild/protobuf"))} files`);
  assert.ok(loaded.length <= 190, `${String(loaded.length)} files of packages`);
});
