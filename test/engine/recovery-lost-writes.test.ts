/** A database that went back in time looks well to SQLite; the mark beside it tells. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { test } from "node:test";
import { OpenError } from "../../src/storage/errors.js";
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
