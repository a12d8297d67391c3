/**
 * A full disk: writes are refused as what they are, reads and deletes go on, nothing acknowledged is
 * lost, and it ends by itself, when there is room and when something was deleted.
 */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { HighWaterMark, readMark } from "../../src/engine/recovery/high-water-mark.js";
import { MarkKeeper } from "../../src/engine/recovery/mark-keeper.js";
import { systemClock } from "../../src/foundation/clock.js";
import type { Epoch, Namespace, StoreId } from "../../src/storage/model.js";
import { connectTo } from "../support/grpc-client.js";
import { SmallFileSystem } from "../support/small-file-system.js";
import { startDaemon } from "../support/spawn-daemon.js";
import type { Ending } from "../support/temp-directory.js";
import { bytesOf, okOf, refusalOf, TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const mebibyte = 1024 * 1024;
/** A pass of the checkpointer moves 4 MiB at most here, so this reserve is enough for one. */
const smallMegabytes = 96;
const reserveBytes = 6 * mebibyte;
const valueBytes = 200_000;

class FullDisk {
  readonly temp: TempEngine;
  readonly disk: SmallFileSystem;
  readonly kept = new Set<number>();
  #next = 0;

  private constructor(temp: TempEngine, disk: SmallFileSystem) {
    this.temp = temp;
    this.disk = disk;
  }

  /** An engine on a small file system, and what it has acknowledged until there was no room. */
  static async reach(ending: Ending): Promise<FullDisk> {
    const disk = SmallFileSystem.mount(ending, smallMegabytes);
    const options = { diskReserveBytes: reserveBytes };
    const temp = await TempEngine.open(disk, { directory: disk.path, options });
    assert.equal(statSync(`${temp.file}.reserve`).size, reserveBytes);
    assert.equal(statSync(`${temp.file}.reserve`).mode & 0o777, 0o600);
    const full = new FullDisk(temp, disk);
    while ((await full.write()) === "ok");
    await waitFor(
      "the reserve to be given up",
      () => !existsSync(`${temp.file}.reserve`) || undefined,
    );
    return full;
  }

  async write(): Promise<string> {
    const number = this.#next++;
    const end = await refusalOf(() => this.temp.put(keyOf(number), contentOf(number)));
    if (end === "ok") this.kept.add(number);
    return end;
  }

  get alarms(): readonly string[] {
    return this.temp.engine.maintenance.status().alarms.map(({ name }) => name);
  }

  async resumes(): Promise<void> {
    await waitFor(
      "writes to be taken again",
      async () => (await this.write()) === "ok" || undefined,
    );
    assert.deepEqual(this.alarms, []);
    assert.equal(this.temp.log.of("engine.disk-has-room").length > 0, true);
    assert.ok(statSync(`${this.temp.file}.reserve`).size >= reserveBytes);
  }

  /** Everything acknowledged is there, and nothing that was refused. */
  async assertContent(): Promise<void> {
    for (let number = 0; number < this.#next; number++) {
      const entry = await this.temp.get(keyOf(number));
      assert.equal(entry !== undefined, this.kept.has(number), `value ${String(number)}`);
      if (entry !== undefined)
        assert.ok(Buffer.from(entry.value).equals(contentOf(number)), `value ${String(number)}`);
    }
  }
}

function keyOf(number: number): string {
  return `value/${String(number).padStart(6, "0")}`;
}

function contentOf(number: number): Uint8Array {
  return new Uint8Array(valueBytes).fill(number % 251);
}

test("a full disk refuses writes, serves reads, says so, and goes on when there is room", async (t) => {
  const full = await FullDisk.reach(t);
  assert.equal(await full.write(), "disk-full");
  assert.deepEqual(full.alarms, ["DISK_FULL"]);
  const { state, reason } = full.temp.engine.maintenance.status();
  assert.equal(state, "serving");
  assert.match(reason, /the disk is full/);
  assert.match(await full.temp.metrics.expose(), /^kvdb_disk_full 1$/m);
  await full.assertContent();
  const made = full.temp.engine.namespaces.create("another" as Namespace, {});
  await assert.rejects(made, { name: "EngineError", kind: "disk-full" });
  full.disk.grow(2 * smallMegabytes);
  await full.resumes();
  await full.assertContent();
  assert.deepEqual(full.temp.faults, []);
  assert.match(await full.temp.metrics.expose(), /^kvdb_disk_full 0$/m);
  await full.temp.reopen();
  await full.assertContent();
});

test("a full disk takes deletes, and room that they make ends it", async (t) => {
  const full = await FullDisk.reach(t);
  for (const number of [...full.kept].slice(0, 3)) {
    okOf(await full.temp.delete(keyOf(number)));
    full.kept.delete(number);
  }
  const span = {
    kind: "range",
    range: { start: bytesOf(keyOf(100)), end: bytesOf(keyOf(1_000_000)) },
  } as const;
  okOf(await full.temp.commit([{ kind: "delete", span, returnPrevious: false }]));
  for (const number of full.kept) if (number >= 100) full.kept.delete(number);
  await full.resumes();
  await full.assertContent();
  await full.temp.reopen();
  await full.assertContent();
  assert.deepEqual(full.temp.faults, []);
});

test("requests that wait behind the one that found the disk full are refused, not lost", async (t) => {
  const full = await FullDisk.reach(t);
  full.disk.grow(2 * smallMegabytes);
  await full.resumes();
  const release = full.disk.occupyAllBut(3 * mebibyte);
  const ends = await Promise.all(Array.from({ length: 60 }, () => full.write()));
  assert.ok(ends.includes("disk-full"), ends.join(" "));
  assert.ok(
    ends.every((end) => end === "ok" || end === "disk-full"),
    ends.join(" "),
  );
  release();
  await full.resumes();
  await full.assertContent();
});

test("a store that begins on a full disk serves reads, and takes writes when there is room", async (t) => {
  const full = await FullDisk.reach(t);
  await full.temp.close();
  const release = full.disk.occupyAllBut(mebibyte);
  await full.temp.start({});
  assert.deepEqual(full.alarms, ["DISK_FULL"]);
  assert.equal(await full.write(), "disk-full");
  await full.assertContent();
  full.disk.grow(2 * smallMegabytes);
  release();
  await full.resumes();
  await full.assertContent();
});

test("a start that has not even the room to recover is refused, and touches nothing", async (t) => {
  const full = await FullDisk.reach(t);
  await full.temp.close();
  const release = full.disk.occupyAllBut(0);
  await assert.rejects(full.temp.start({}), { name: "OpenError", kind: "no-space" });
  release();
  await full.temp.start({});
  await full.assertContent();
});

test("a daemon that is killed on a full disk starts on it again and has lost nothing", async (t) => {
  const disk = SmallFileSystem.mount(t, smallMegabytes);
  const file = join(disk.path, "data", "kv.db");
  const env = {
    KVDB_DISK_RESERVE_BYTES: String(reserveBytes),
    // A check pins the WAL, and what it lets grow needs more room at the next start.
    KVDB_SQLITE_INTEGRITY_CHECK_ON_STARTUP: "OFF",
  };
  let daemon = startDaemon(disk, { file, env });
  let client = connectTo(disk, (await daemon.ready()).grpc[0] ?? "");
  const value = contentOf(7);
  let acknowledged = 0;
  for (;;) {
    try {
      await client.put(keyOf(acknowledged), value);
      acknowledged++;
    } catch (error) {
      assert.equal((error as ServiceError).code, status.RESOURCE_EXHAUSTED);
      break;
    }
  }
  await daemon.stop("SIGKILL");
  daemon = startDaemon(disk, { file, env });
  client = connectTo(disk, (await daemon.ready()).grpc[0] ?? "");
  for (let number = 0; number < acknowledged; number++) {
    const found = await client.get(keyOf(number));
    assert.ok(found !== undefined && Buffer.from(found).equals(value), keyOf(number));
  }
  const { code } = await daemon.stop();
  assert.equal(code, 0, daemon.stderr.slice(-3).join("\n"));
});

test("a high-water mark without room is written when there is some, and nothing latches", async (t) => {
  const disk = SmallFileSystem.mount(t, 1);
  const file = join(disk.path, "kv.db.hwm");
  const mark = await HighWaterMark.open(file);
  const release = disk.occupyAllBut(0);
  const told: string[] = [];
  const keeper = new MarkKeeper(
    {
      mark,
      clock: systemClock(),
      storeId: "01234567-89ab-cdef-0123-456789abcdef" as StoreId,
      epoch: 1n as Epoch,
      onNoSpace: () => told.push("no room"),
      onError: (cause) => told.push(String(cause)),
    },
    7n,
  );
  await waitFor("the mark to find no room", () => told.length > 0 || undefined);
  assert.equal(await readMark(file), undefined);
  release();
  await waitFor("the mark", async () =>
    (await readMark(file))?.commitSequence === 7n ? true : undefined,
  );
  await keeper.close(8n);
  assert.equal((await readMark(file))?.commitSequence, 8n);
  assert.deepEqual([...new Set(told)], ["no room"]);
});
