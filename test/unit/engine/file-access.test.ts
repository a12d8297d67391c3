/**
 * Closing any descriptor of the database or of its `-shm` drops SQLite's locks in this process, and
 * then another process may delete the WAL under us. So who may open files at all is a list.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import ts from "typescript";
import { nodesOf, sourceFiles } from "../../tools/source-files.js";

/** Asking for sizes and kinds opens nothing. */
const harmless = ["stat", "statSync", "statfs", "statfsSync", "lstat", "constants"];

/** Whoever opens, copies or removes files, and why that is safe. */
const allowed: Readonly<Record<string, string>> = {
  "src/engine/integrity/page-places.ts":
    "the database, opened once and kept until the last connection is closed",
  "src/engine/integrity/scrub-place.ts": "the scrubber's own file, which SQLite does not know",
  "src/engine/recovery/": "before the first connection, or on files that SQLite does not know",
  "src/engine/sqlite/directory-lock.ts": "the owner file beside the lock, never the lock itself",
  "src/engine/sqlite/process-locks.ts": "/proc/locks",
  "src/engine/sqlite/wal-room.ts": "the -wal, which carries no locks, and only its uncommitted end",
  "src/engine/wal/wal-index.ts":
    "the -shm, opened once and kept until the last connection is closed",
  "src/engine/wal/wal-status.ts": "the -wal, which carries no locks",
};

test("in the engine only the listed files open files beside SQLite", () => {
  const openers = sourceFiles("src").filter((file) => {
    if (!file.path.startsWith("src/engine/")) return false;
    return nodesOf(file).some((node) => {
      if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return false;
      if (!/^(node:)?fs(\/promises)?$/.test(node.moduleSpecifier.text)) return false;
      const named = node.importClause?.namedBindings;
      if (named === undefined || !ts.isNamedImports(named)) return true;
      return named.elements.some((element) => !harmless.includes(element.name.text));
    });
  });
  assert.ok(openers.length > 0, "the sources are where this test looks for them");
  const strangers = openers.filter(({ path }) => {
    return !Object.keys(allowed).some((place) => path.startsWith(place));
  });
  assert.deepEqual(
    strangers.map(({ path }) => path),
    [],
  );
});
