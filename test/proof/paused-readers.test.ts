/**
 * Fifty scans of a million rows whose readers stop reading, while others write and read. What the
 * stopped ones cost is bounded, in memory and in the write-ahead log; nobody else notices them; and
 * each of them goes on later exactly where it stopped.
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import {
  scanPageBytesMax,
  snapshotCacheBytes,
  streamUnsentBytesMax,
} from "../../src/storage/limits.js";
import {
  CheckpointMode,
  CheckpointRequest,
  type CheckpointResponse,
  GetWalStatusRequest,
  type GetWalStatusResponse,
} from "../../src/wire/kvdb/v1/admin.js";
import { ScanRequest, type ScanResponse } from "../../src/wire/kvdb/v1/kv.js";
import { answer, bytes, ContractClient, readRefusal } from "../contract/client.js";
import { latencies, mebibytes } from "../support/figures.js";
import { residentBytes } from "../support/process-figures.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { pause, waitFor } from "../support/wait.js";
import { loadRows, rowOfKey } from "./million-rows.js";

const rows = 1_000_000;
const readers = 50;
const readersPerConnection = 10;
/** So many of them go on to the very end, the others for a while: reading a million costs seconds. */
const readersToTheEnd = 2;
const rowsOfTheOthers = 60_000;

const mebibyte = 1024 * 1024;
const cacheBytes = 16 * mebibyte;
const walSoftLimitBytes = 16 * mebibyte;
const walHardLimitBytes = 48 * mebibyte;
/** The group that is being committed when the limit is reached still goes in. */
const walOvershootBytes = 8 * mebibyte;
const writes = 2_400;
const writers = 4;
const valueBytes = 64 * 1024;

/** A snapshot's page cache, what waits to be sent, and the page that is being made of it. */
const bytesPerReader = snapshotCacheBytes + streamUnsentBytesMax + 4 * scanPageBytesMax;
/** Caches that were not full at the beginning, and the garbage of a busy heap. */
const bytesBeside = 4 * cacheBytes + 128 * mebibyte;

const namespace = "rows";
const prefix = "row/";

test("fifty readers that stop cost a bounded price, and go on without a gap", async (t) => {
  const file = join(tempDirectory(t), "kv.db");
  const daemon = startDaemon(t, {
    file,
    env: {
      KVDB_CACHE_BYTES: String(cacheBytes),
      KVDB_WAL_SOFT_LIMIT_BYTES: String(walSoftLimitBytes),
      KVDB_WAL_HARD_LIMIT_BYTES: String(walHardLimitBytes),
    },
  });
  const { grpc, pid } = await daemon.ready();
  const address = grpc[0] ?? "";
  const client = new ContractClient(t, address);
  const beganMs = performance.now();
  await loadRows(client, { namespace, prefix, rows, value: bytes("12345678") });
  t.diagnostic(`loaded ${String(rows)} rows in ${seconds(performance.now() - beganMs)}`);

  const before = residentBytes(pid);
  const idle = new Probe(client);
  await pause(1_000);
  t.diagnostic(`idle: ${latencies(await idle.stop())}`);

  const stopped = await startReaders(t, address);
  const gauge = new Gauge(pid, `${file}-wal`);
  const busy = new Probe(client);
  const refusals = await writeMuch(client);
  const wal = await waitFor("every snapshot to be cut", async () => {
    const status = await walStatus(client);
    return status.openSnapshots.length === 0 ? status : undefined;
  });
  t.diagnostic(`beside them: ${latencies(await busy.stop())}, ${String(refusals)} writes put off`);
  const { residentPeak, walPeak } = gauge.stop();
  const grown = residentPeak - before;
  t.diagnostic(`memory: ${mebibytes(before)} before, ${mebibytes(grown)} more at the peak`);
  t.diagnostic(`WAL: ${mebibytes(walPeak)} at the peak, limit ${mebibytes(wal.walBytesHard)}`);
  const bound = readers * bytesPerReader + bytesBeside;
  assert.ok(grown <= bound, `${mebibytes(grown)} more, the bound is ${mebibytes(bound)}`);
  assert.ok(walPeak <= walHardLimitBytes + walOvershootBytes, mebibytes(walPeak));
  for (const reader of stopped) assert.ok(reader.row < rows, "nobody read on meanwhile");

  // Nobody has read on yet, and still nothing pins the log.
  assert.equal((await checkpoint(client)).walBytesAfter, 0);
  let cut = 0;
  for (const [at, reader] of stopped.entries()) {
    const end = at < readersToTheEnd ? rows : rowsOfTheOthers;
    if (await reader.readOn(client, end)) cut++;
    assert.ok(reader.row >= end, `${String(reader.row)} rows in order`);
  }
  t.diagnostic(`${String(cut)} of ${String(readers)} were cut and went on from their tokens`);
  assert.equal(cut, readers);
});

/** One scan. Each row it reads must be the one after the last. */
class Reader {
  /** Rows read so far, in order and without a gap. */
  row = 0;
  #token = "";
  #messages: AsyncIterator<ScanResponse, undefined>;
  #cancel: () => void;

  constructor(client: ContractClient) {
    [this.#messages, this.#cancel] = open(client, "");
  }

  /** False when the scan is over. */
  async next(): Promise<boolean> {
    const { value, done } = await this.#messages.next();
    if (done === true) return false;
    for (const { key } of value.kvs) assert.equal(rowOfKey(prefix, key), this.row++);
    this.#token = value.resumeToken;
    return true;
  }

  /** To the row at least, from the token when it was cut; whether it was. */
  async readOn(client: ContractClient, end: number): Promise<boolean> {
    let cut = false;
    while (this.row < end) {
      try {
        if (!(await this.next())) break;
      } catch (error) {
        assert.equal(readRefusal(error as ServiceError).reason, "SLOW_CONSUMER");
        cut = true;
        [this.#messages, this.#cancel] = open(client, this.#token);
      }
    }
    if (end === rows) assert.equal(await this.next(), false, "nothing comes after the last row");
    this.#cancel();
    return cut;
  }
}

function open(
  client: ContractClient,
  resumeToken: string,
): [AsyncIterator<ScanResponse, undefined>, () => void] {
  const range = { range: { $case: "prefix", value: bytes(prefix) } } as const;
  const stream = client.kv.scan(ScanRequest.fromPartial({ namespace, range, resumeToken }));
  const messages = stream[Symbol.asyncIterator]() as AsyncIterator<ScanResponse, undefined>;
  const cancel = (): void => {
    stream.on("error", () => undefined);
    stream.cancel();
  };
  return [messages, cancel];
}

/** Each has read its first page and reads no more. */
async function startReaders(
  t: ConstructorParameters<typeof ContractClient>[0],
  address: string,
): Promise<Reader[]> {
  const clients = Array.from(
    { length: readers / readersPerConnection },
    () => new ContractClient(t, address),
  );
  const started = clients.flatMap((own) =>
    Array.from({ length: readersPerConnection }, () => new Reader(own)),
  );
  for (const reader of started) await reader.next();
  return started;
}

/** Several times what the log may hold; how many were put off because it was full. */
async function writeMuch(client: ContractClient): Promise<number> {
  const value = new Uint8Array(valueBytes);
  let written = 0;
  let refusals = 0;
  const write = async (): Promise<void> => {
    while (written < writes) {
      const key = bytes(`other/${String(written++ % 100)}`);
      for (let done = false; !done; ) {
        try {
          await client.put({ namespace, key, value });
          done = true;
        } catch (error) {
          const { reason, retryMs } = readRefusal(error);
          assert.equal(reason, "WAL_LIMIT");
          refusals++;
          await pause(retryMs ?? 0);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return refusals;
}

/** A caller like any other: one put and one get after the other, all of which must be answered. */
class Probe {
  readonly #ms: number[] = [];
  readonly #ended: Promise<void>;
  #stopped = false;

  constructor(client: ContractClient) {
    this.#ended = this.#run(client);
  }

  async stop(): Promise<readonly number[]> {
    this.#stopped = true;
    await this.#ended;
    assert.ok(this.#ms.length > 0);
    return this.#ms;
  }

  async #run(client: ContractClient): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      const key = bytes("probe");
      const beganMs = performance.now();
      if (round % 2 === 0) await this.#put(client, key, bytes(String(round)));
      else assert.notEqual((await client.get({ namespace, key })).kv, undefined);
      this.#ms.push(performance.now() - beganMs);
      await pause(2);
    }
  }

  /** A full log may put a write off, for moments. */
  async #put(client: ContractClient, key: Uint8Array, value: Uint8Array): Promise<void> {
    for (;;) {
      try {
        await client.put({ namespace, key, value });
        return;
      } catch (error) {
        const { reason, retryMs } = readRefusal(error);
        assert.equal(reason, "WAL_LIMIT");
        await pause(retryMs ?? 0);
      }
    }
  }
}

/** The highest readings of memory and of the log's file, taken often. */
class Gauge {
  #residentPeak = 0;
  #walPeak = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, walFile: string) {
    this.#timer = setInterval(() => {
      this.#residentPeak = Math.max(this.#residentPeak, residentBytes(pid));
      this.#walPeak = Math.max(this.#walPeak, statSync(walFile).size);
    }, 20);
  }

  stop(): { readonly residentPeak: number; readonly walPeak: number } {
    clearInterval(this.#timer);
    return { residentPeak: this.#residentPeak, walPeak: this.#walPeak };
  }
}

function walStatus(client: ContractClient): Promise<GetWalStatusResponse> {
  const request = GetWalStatusRequest.fromPartial({});
  return answer((done) => client.admin.getWalStatus(request, done));
}

function checkpoint(client: ContractClient): Promise<CheckpointResponse> {
  const request = CheckpointRequest.fromPartial({
    mode: CheckpointMode.CHECKPOINT_MODE_TRUNCATE,
  });
  return answer((done) => client.admin.checkpoint(request, done));
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
