/** A database that went back in time looks well to SQLite; the mark beside it tells. */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { OpenError } from "../../src/storage/errors.js";
import { tempDirectory } from "../support/temp-directory.js";
import { okOf, TempEngine } from "../support/temp-engine.js";

/** A stopped store with ten writes, and beside it the copy that was made after five. */
async function storeWithOldCopy(temp: TempEngine): Promise<string> {
  const copy = `${temp.file}.copy`;
  for (let write = 0; write < 5; write++) okOf(await temp.put(`key-${String(write)}`, "1"));
  await temp.close();
  copyFileSync(temp.file, copy);
  await temp.reopen();
  for (let write = 5; write < 10; write++) okOf(await temp.put(`key-${String(write)}`, "1"));
  await temp.close();
  return copy;
}

/** A stopped store that has been started many times since it was copied, and the copy. */
async function storeOfManyStarts(
  temp: TempEngine,
): Promise<{ readonly copy: string; readonly epoch: bigint }> {
  const copy = await storeWithOldCopy(temp);
  for (let start = 0; start < 4; start++) {
    await temp.reopen();
    okOf(await temp.put("key-9", String(start)));
  }
  const { epoch } = temp.engine.maintenance.status();
  await temp.close();
  return { copy, epoch };
}

async function refusalOfStart(temp: TempEngine): Promise<OpenError> {
  try {
    await temp.reopen();
  } catch (error) {
    assert.ok(error instanceof OpenError, String(error));
    return error;
  }
  throw new Error("the start was not refused");
}

test("an older copy in the database's place is refused, again and again, and named", async (t) => {
  const temp = await TempEngine.open(t);
  const copy = await storeWithOldCopy(temp);
  copyFileSync(copy, temp.file);
  for (let start = 0; start < 3; start++) {
    const { kind, message } = await refusalOfStart(temp);
    assert.equal(kind, "damaged");
    assert.match(
      message,
      /LOST_WRITES: commit \d+ was acknowledged, the database holds commit \d+$/,
    );
  }
});

test("without the clean marker the mark alone tells", async (t) => {
  const temp = await TempEngine.open(t);
  const copy = await storeWithOldCopy(temp);
  rmSync(`${temp.file}.clean`);
  copyFileSync(copy, temp.file);
  assert.match((await refusalOfStart(temp)).message, /LOST_WRITES/);
});

test("a missing database is not made anew where a store has been", async (t) => {
  const temp = await TempEngine.open(t);
  okOf(await temp.put("a", "1"));
  await temp.close();
  rmSync(temp.file);
  rmSync(`${temp.file}.clean`);
  assert.match((await refusalOfStart(temp)).message, /a store has been here/);
  assert.equal(existsSync(temp.file), false);
});

test("an accepted loss goes on as another history, and says what is gone", async (t) => {
  const temp = await TempEngine.open(t);
  const { storeId: before } = temp.engine.maintenance.status();
  const copy = await storeWithOldCopy(temp);
  copyFileSync(copy, temp.file);
  await temp.reopen({ acceptLostWrites: true });
  const { recovery } = temp.engine.maintenance.status();
  assert.match(recovery.verdict, /^LOST_WRITES accepted: commits \d+ to \d+$/);
  const { header } = okOf(await temp.put("new", "1"));
  assert.notEqual(header.storeId, before);
  assert.equal(await temp.text("key-4"), "1");
  assert.equal(await temp.text("key-9"), undefined);
  await temp.reopen();
  assert.equal(temp.engine.maintenance.status().recovery.verdict, "clean");
});

test("a loss is accepted once: the starts behind it are not refused for what was given up", async (t) => {
  const temp = await TempEngine.open(t);
  const { copy, epoch: before } = await storeOfManyStarts(temp);
  copyFileSync(copy, temp.file);
  await temp.reopen({ acceptLostWrites: true });
  const { epoch, storeId } = temp.engine.maintenance.status();
  assert.ok(epoch > before, "the new history is later than the one that was given up");
  await temp.reopen();
  assert.equal(temp.engine.maintenance.status().recovery.verdict, "clean");
  assert.equal(temp.engine.maintenance.status().storeId, storeId);
});

test("a kill right after a loss was accepted leaves nothing more to accept", async (t) => {
  const temp = await TempEngine.open(t);
  const { copy } = await storeOfManyStarts(temp);
  copyFileSync(copy, temp.file);
  await temp.reopen({ acceptLostWrites: true });
  const { storeId } = temp.engine.maintenance.status();
  const left = copyOfStore(t, temp.file);
  const next = await TempEngine.open(t, { directory: left });
  assert.equal(next.engine.maintenance.status().storeId, storeId);
});

test("nor does one that comes before the marker of the lost history's clean stop is gone", async (t) => {
  const temp = await TempEngine.open(t);
  const copy = await storeWithOldCopy(temp);
  const marker = readFileSync(`${temp.file}.clean`);
  copyFileSync(copy, temp.file);
  await temp.reopen({ acceptLostWrites: true });
  const { storeId } = temp.engine.maintenance.status();
  const left = copyOfStore(t, temp.file);
  writeFileSync(join(left, "data", `${basename(temp.file)}.clean`), marker);
  const next = await TempEngine.open(t, { directory: left });
  assert.equal(next.engine.maintenance.status().storeId, storeId);
});

/** Everything beside the database too, as a kill leaves it; the directory above it. */
function copyOfStore(t: TestContext, file: string): string {
  const directory = tempDirectory(t);
  const filter = (name: string): boolean => !name.endsWith("-shm");
  cpSync(dirname(file), join(directory, "data"), { recursive: true, filter });
  return directory;
}
