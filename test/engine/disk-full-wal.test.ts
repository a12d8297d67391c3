/**
 * A WAL that still has to be moved needs room in the database while it holds its own. Whatever the
 * sizes of the values, however many write at once and whoever pins the WAL: a disk that filled up
 * takes deletes, and what they free ends it.
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { seedFor } from "../support/seed.js";
import { SmallFileSystem } from "../support/small-file-system.js";
import { putOf, refusalOf, TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const mebibyte = 1024 * 1024;
const smallMegabytes = 64;
const reserveBytes = 4 * mebibyte;
const rounds = 2;
/** Read by a scan that pins the WAL from here on; smaller than what fills the disk. */
const pinnedValues = 20;

interface Filling {
  readonly writersMax: number;
  readonly valueBytesMax: number;
  readonly pinned: boolean;
}

const fillings: readonly Filling[] = [
  { writersMax: 1, valueBytesMax: 900_000, pinned: false },
  { writersMax: 8, valueBytesMax: 900_000, pinned: false },
  { writersMax: 64, valueBytesMax: 20_000, pinned: false },
  { writersMax: 2, valueBytesMax: 200_000, pinned: true },
];

for (const filling of fillings) {
  const { writersMax, valueBytesMax, pinned } = filling;
  const how = `${String(writersMax)} writers of up to ${String(valueBytesMax)} bytes`;
  test(`a disk filled by ${how}${pinned ? " beside a reader" : ""} heals by deletes`, async (t) => {
    const { random } = seedFor(t);
    for (let round = 0; round < (pinned ? 1 : rounds); round++) {
      await t.test(`round ${String(round + 1)}`, async (each) => {
        const disk = SmallFileSystem.mount(each, smallMegabytes);
        const options = { diskReserveBytes: reserveBytes };
        const temp = await TempEngine.open(disk, { directory: disk.path, options });
        await fillAndHeal(temp, (below) => random.below(below), filling);
        assert.deepEqual(temp.faults, []);
        await temp.reopen();
      });
    }
  });
}

async function fillAndHeal(
  temp: TempEngine,
  below: (max: number) => number,
  { writersMax, valueBytesMax, pinned }: Filling,
): Promise<void> {
  const kept: number[] = [];
  let next = 0;
  const write = async (): Promise<string> => {
    const number = next++;
    const value = new Uint8Array(1 + below(valueBytesMax)).fill(number % 251);
    const end = await refusalOf(() => temp.put(keyFor(number), value));
    assert.ok(end === "ok" || end === "disk-full", end);
    if (end === "ok") kept.push(number);
    return end;
  };
  while (kept.length < pinnedValues) await write();
  const pages = pinned ? temp.scanPages() : undefined;
  await pages?.next();
  for (let ends: string[] = []; !ends.includes("disk-full"); ) {
    ends = await Promise.all(Array.from({ length: 1 + below(writersMax) }, write));
  }
  await pages?.return?.();
  for (const number of kept.splice(0, kept.length / 2)) {
    // Deletes may have to wait too, while the WAL is being moved.
    await waitFor(`value ${String(number)} to be deleted`, async () => {
      return (await refusalOf(() => temp.delete(keyFor(number)))) === "ok" || undefined;
    });
  }
  await waitFor("writes to be taken again", async () => (await write()) === "ok" || undefined);
  for (const number of kept) {
    const found = await temp.get(keyFor(number));
    assert.equal(found?.value[0], number % 251, keyFor(number));
  }
}

function keyFor(number: number): string {
  return `value/${String(number).padStart(6, "0")}`;
}

test("what a refused transaction wrote to a WAL that a reader pins takes no room afterwards", async (t) => {
  const disk = SmallFileSystem.mount(t, smallMegabytes);
  // A cache that is smaller than the transaction, so that its pages go to the WAL before its end.
  const options = { cacheBytes: 256 * 1024 };
  const temp = await TempEngine.open(disk, { directory: disk.path, options });
  for (let number = 0; number < pinnedValues; number++) {
    assert.equal(await refusalOf(() => temp.put(keyFor(number), new Uint8Array(100_000))), "ok");
  }
  const pages = temp.scanPages();
  await pages.next();
  const release = disk.occupyAllBut(8 * mebibyte);
  const before = { wal: statSync(temp.walFile).size, free: disk.freeBytes };
  const large = Array.from({ length: 10 }, (_none, number) => {
    return putOf(`large-${String(number)}`, new Uint8Array(900_000));
  });
  assert.equal(await refusalOf(() => temp.commit(large)), "disk-full");
  assert.ok(statSync(temp.walFile).size <= before.wal, "its frames are cut off");
  assert.ok(disk.freeBytes >= before.free - mebibyte, `${String(disk.freeBytes)} bytes are free`);
  await pages.return?.();
  release();
  await waitFor("writes to be taken again", async () => {
    return (await refusalOf(() => temp.put("after", "value"))) === "ok" || undefined;
  });
  assert.deepEqual(temp.faults, []);
});
