/**
 * How long a start takes that finds a WAL which nothing could empty: a reader of another process
 * holds on to it, writes go on, and the daemon is killed. Everything acknowledged is there, and what
 * the start costs grows with the WAL and not with the database. Figures are printed, not judged.
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { BatchWriteRequest, PutOperation, WriteOperation } from "../../src/wire/kvdb/v1/kv.js";
import { KeyRange } from "../../src/wire/kvdb/v1/types.js";
import { answer, bytes, ContractClient } from "../contract/client.js";
import { sizeFor } from "../support/prove-setup.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";

const mebibyte = 2 ** 20;
const valueBytes = 4_096;
const putsPerBatch = 200;
const databaseMebibytes = sizeFor({ ci: 64, full: 1_536 });
const walMebibytes = sizeFor({ ci: [16, 96], full: [64, 256, 500] });

test("a start after a kill costs what the WAL costs, and finds all that was acknowledged", async (t) => {
  const file = join(tempDirectory(t), "data", "kv.db");
  let daemon = startDaemon(t, { file });
  let client = await connected(t, daemon);
  let keys = await load(client, 0, () => statSync(file).size >= databaseMebibytes * mebibyte);
  for (const wanted of walMebibytes) {
    keys = await fillWal(client, { file, keys, bytes: wanted * mebibyte });
    await daemon.stop("SIGKILL");
    const wal = statSync(`${file}-wal`).size;
    const began = performance.now();
    daemon = startDaemon(t, { file });
    await daemon.ready();
    const readyMs = performance.now() - began;
    client = await connected(t, daemon);
    const range = KeyRange.fromPartial({ range: { $case: "all", value: true } });
    const counted = await client.list({ range, countOnly: true });
    assert.equal(counted.count, keys, "every acknowledged key is there");
    const database = statSync(file).size;
    t.diagnostic(
      `database ${(database / mebibyte).toFixed(0)} MiB, WAL ${(wal / mebibyte).toFixed(0)} MiB: ` +
        `ready after ${readyMs.toFixed(0)} ms`,
    );
    // Another connection may keep the file, but nothing that the start had to move is left in it.
    assert.ok((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) < wal / 2);
  }
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

async function connected(t: TestContext, daemon: Daemon): Promise<ContractClient> {
  const [address] = (await daemon.ready()).grpc;
  assert.ok(address !== undefined);
  return new ContractClient(t, address);
}

/** Writes under a foreign snapshot until the WAL has the size; returns the number of keys. */
async function fillWal(
  client: ContractClient,
  to: { readonly file: string; readonly keys: number; readonly bytes: number },
): Promise<number> {
  const reader = new Database(to.file, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM store").get();
  try {
    return await load(client, to.keys, () => statSync(`${to.file}-wal`).size >= to.bytes);
  } finally {
    // Read-only: it ends without a checkpoint, as a process does that is killed.
    reader.close();
  }
}

/** Puts new keys until it is enough; returns how many there are then. */
async function load(
  client: ContractClient,
  from: number,
  isEnough: () => boolean,
): Promise<number> {
  let keys = from;
  while (!isEnough()) {
    const ops = Array.from({ length: putsPerBatch }, () => {
      const key = bytes(`key-${String(keys++).padStart(9, "0")}`);
      const value = new Uint8Array(valueBytes).fill(keys % 251);
      const put = PutOperation.fromPartial({ key, value });
      return WriteOperation.fromPartial({ operation: { $case: "put", value: put } });
    });
    const request = BatchWriteRequest.fromPartial({ ops });
    await answer((done) => client.kv.batchWrite(request, done));
  }
  return keys;
}
