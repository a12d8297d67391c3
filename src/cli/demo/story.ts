/**
 * The demonstration: load, read, kill the daemon in the middle of a second load, start it again, and
 * look for every row that had been acknowledged.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BulkEntry, KvClient } from "../../client/index.js";
import type { Invocation } from "../command.js";
import { showDuration } from "../durations.js";
import type { LoadProgress } from "../load/progress-file.js";
import type { RowSource } from "../load/row-source.js";
import { type LoadResult, runLoad } from "../load/run-load.js";
import { everyKey } from "../ranges.js";
import { scanParts } from "../scanning.js";
import { showBytes, showCount } from "../show.js";
import { PrivateDaemon } from "./private-daemon.js";
import { type Comparison, compareRows } from "./verify-rows.js";

export interface StoryOptions {
  readonly source: RowSource;
  readonly chunkRows: number;
  readonly keep: boolean;
}

export interface StoryResult {
  readonly firstLoad: LoadResult;
  readonly scanned: number;
  readonly scanMs: number;
  readonly acknowledgedAtKill: number;
  readonly restartMs: number;
  readonly afterKill: readonly { readonly namespace: string; readonly found: Comparison }[];
  readonly atEnd: Comparison;
}

const whole = "cities";
const interrupted = "again";
const rowsShown = 5;

export async function tellStory(call: Invocation, options: StoryOptions): Promise<StoryResult> {
  const directory = mkdtempSync(join(tmpdir(), "kvdb-demo-"));
  const stage = new Stage(call, join(directory, "kv.db"));
  try {
    return await acts(call, stage, options);
  } finally {
    await stage.close();
    if (options.keep) call.out.note(`the data stays in ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

/** The daemon of the moment and the client connected to it. */
class Stage {
  readonly #call: Invocation;
  readonly #file: string;
  #daemon: PrivateDaemon | undefined;
  #client: KvClient | undefined;

  constructor(call: Invocation, file: string) {
    this.#call = call;
    this.#file = file;
  }

  async open(): Promise<KvClient> {
    this.#client?.close();
    this.#daemon = await PrivateDaemon.start(this.#file);
    this.#client = KvClient.open({ address: this.#daemon.address });
    await this.#client.connect();
    const { address, pid } = this.#daemon;
    this.#call.out.note(`kvdbd serves on ${address}, process ${String(pid)}`);
    return this.#client;
  }

  async kill(): Promise<void> {
    this.#call.out.note(`kill -9 ${String(this.#daemon?.pid)}`);
    await this.#daemon?.kill();
  }

  async close(): Promise<void> {
    this.#client?.close();
    await this.#daemon?.stop();
  }
}

async function acts(call: Invocation, stage: Stage, options: StoryOptions): Promise<StoryResult> {
  const { source, chunkRows } = options;
  const { out, clock, signal } = call;
  const entries = await allEntries(source);
  const plan = { source, chunkRows, file: undefined, out, clock, signal };

  let client = await stage.open();
  heading(
    call,
    `load ${showCount(entries.length)} rows, each chunk on disk before the next counts`,
  );
  const from = newLoad(client);
  const firstLoad = await runLoad({ ...plan, client, namespace: whole, from });
  out.note(`${showCount(firstLoad.runRows)} rows in ${showDuration(firstLoad.runMs)}`);

  heading(call, "list and scan them");
  await showSome(call, client);
  const { scanned, scanMs } = await countAll(call, client);

  heading(call, "load them again elsewhere, and kill the daemon half way");
  const half = Math.floor(entries.length / 2);
  const stopAfter = async ({ acknowledgedRows }: LoadProgress): Promise<boolean> => {
    if (acknowledgedRows < half) return false;
    await stage.kill();
    return true;
  };
  const again = { ...plan, client, namespace: interrupted, from: newLoad(client) };
  const cut = await runLoad({ ...again, stopAfter });
  out.note(`${showCount(cut.acknowledgedRows)} rows had been acknowledged`);

  heading(call, "start it again and look for every acknowledged row");
  const beganMs = clock.monotonicMs();
  client = await stage.open();
  const restartMs = clock.monotonicMs() - beganMs;
  const afterKill = [
    { namespace: whole, found: await compareRows(client, whole, entries, entries.length, signal) },
    {
      namespace: interrupted,
      found: await compareRows(client, interrupted, entries, cut.acknowledgedRows, signal),
    },
  ];

  heading(call, "go on with the load where it was cut");
  await runLoad({ ...plan, client, namespace: interrupted, from: cut });
  const atEnd = await compareRows(client, interrupted, entries, entries.length, signal);
  const acknowledgedAtKill = cut.acknowledgedRows;
  return { firstLoad, scanned, scanMs, acknowledgedAtKill, restartMs, afterKill, atEnd };
}

async function allEntries(source: RowSource): Promise<readonly BulkEntry[]> {
  const entries: BulkEntry[] = [];
  for await (const entry of source.entries()) entries.push(entry);
  return entries;
}

function newLoad(client: KvClient): LoadProgress {
  return { loadId: client.newRequestId(), acknowledgedChunk: 0n, acknowledgedRows: 0 };
}

function heading({ out }: Invocation, text: string): void {
  out.note(`\n== ${text}`);
}

async function showSome({ out, signal }: Invocation, client: KvClient): Promise<void> {
  const request = { namespace: whole, range: everyKey, pageSize: rowsShown };
  const { kvs } = await client.kv.list(request, { signal });
  for (const { key, value } of kvs) out.note(`  ${showBytes(key)}  ${showBytes(value)}`);
}

async function countAll(
  { clock, signal, out }: Invocation,
  client: KvClient,
): Promise<{ scanned: number; scanMs: number }> {
  const beganMs = clock.monotonicMs();
  const options = { signal, timeoutMs: undefined, onResume: undefined };
  let scanned = 0;
  for await (const { kvs } of scanParts(client, { namespace: whole, range: everyKey }, options)) {
    scanned += kvs.length;
  }
  const scanMs = clock.monotonicMs() - beganMs;
  out.note(`scanned ${showCount(scanned)} rows from one snapshot in ${showDuration(scanMs)}`);
  return { scanned, scanMs };
}
