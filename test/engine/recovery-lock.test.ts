/** One process per data directory, proved with real processes. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { dataFiles } from "../../src/engine/recovery/data-directory.js";
import { DirectoryLock, weakerSynchronous } from "../../src/engine/sqlite/directory-lock.js";
import { OpenError } from "../../src/storage/errors.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

const lockModule = new URL("../../src/engine/sqlite/directory-lock.js", import.meta.url);

/** Another process that holds the lock until it is killed or told to leave. */
async function holder(ending: Ending, file: string): Promise<ChildProcess> {
  const { lock, owner } = dataFiles(file);
  const program = `
    import { DirectoryLock } from ${JSON.stringify(pathToFileURL(lockModule.pathname).href)};
    const held = DirectoryLock.acquire(${JSON.stringify({ lock, owner })});
    held.recordOwner({ pid: process.pid, sinceMs: 1, synchronous: "NORMAL" });
    process.stdin.on("end", () => held.release()).resume();
    console.log("held");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  ending.after(() => {
    child.kill("SIGKILL");
  });
  await once(child.stdout, "data");
  return child;
}

function acquire(file: string): DirectoryLock {
  return DirectoryLock.acquire(dataFiles(file));
}

function isLocked(error: unknown): error is OpenError {
  return error instanceof OpenError && error.kind === "locked";
}

test("a second process is refused and told who holds the directory", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const child = await holder(t, file);
  assert.throws(
    () => acquire(file),
    (error: unknown) => isLocked(error) && error.message.includes(`process ${String(child.pid)}`),
  );
  // Asking and being refused must not have taken the lock away from its holder.
  assert.throws(() => acquire(file), isLocked);
});

test("after SIGKILL of the holder the lock is free, and its last word is known", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const child = await holder(t, file);
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = acquire(file);
  assert.deepEqual(lock.previousOwner(), { pid: child.pid, sinceMs: 1, synchronous: "NORMAL" });
  lock.release();
});

test("a lock that was released can be taken by another process", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const child = await holder(t, file);
  child.stdin?.end();
  const lock = await waitFor("the lock to be free", () => {
    try {
      return acquire(file);
    } catch (error) {
      assert.ok(isLocked(error), String(error));
      return undefined;
    }
  });
  lock.release();
  lock.release();
});

test("a second lock in the same process is refused too", (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const lock = acquire(file);
  assert.throws(() => acquire(file), isLocked);
  lock.release();
  acquire(file).release();
});

test("the lock file stays empty and private, and nothing is made beside it", (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const lock = acquire(file);
  const { size, mode } = statSync(dataFiles(file).lock);
  assert.deepEqual([size, mode & 0o777], [0, 0o600]);
  assert.deepEqual(readdirSync(dirname(file)), ["kv.db.lock"]);
  lock.recordOwner({ pid: 1, sinceMs: 2, synchronous: "FULL" });
  assert.equal(statSync(dataFiles(file).owner).mode & 0o777, 0o600);
  lock.release();
});

test("a file that is not a lock is refused and left alone", (t) => {
  const file = join(tempDirectory(t), "kv.db");
  writeFileSync(dataFiles(file).lock, "somebody's notes\n".repeat(100));
  assert.throws(
    () => acquire(file),
    (error: unknown) => error instanceof OpenError && error.kind === "foreign",
  );
  assert.ok(existsSync(dataFiles(file).lock));
});

test("a directory that is a file cannot be locked", (t) => {
  const place = join(tempDirectory(t), "file");
  writeFileSync(place, "");
  assert.throws(
    () => acquire(join(place, "kv.db")),
    (error: unknown) => error instanceof OpenError,
  );
});

for (const text of ["", "{", "[]", '{"pid":1}', '{"pid":1,"sinceMs":1,"synchronous":"SOME"}']) {
  test(`an owner file that says ${JSON.stringify(text)} says nothing`, (t) => {
    const file = join(tempDirectory(t), "kv.db");
    const lock = acquire(file);
    writeFileSync(dataFiles(file).owner, text);
    assert.equal(lock.previousOwner(), undefined);
    lock.release();
  });
}

test("of two sync levels the weaker is what may be relied on", () => {
  assert.equal(weakerSynchronous("EXTRA", "NORMAL"), "NORMAL");
  assert.equal(weakerSynchronous("OFF", "FULL"), "OFF");
  assert.equal(weakerSynchronous("EXTRA", "EXTRA"), "EXTRA");
});
