/**
 * The recording that crash states are made from: a daemon's life with everything in it that moves
 * data on the disk. Creation of the store, writes of every kind by several callers, keys that run
 * out, checkpoints, compaction, deletion of a namespace, clean stops, a kill, and the start after it.
 */
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { CheckpointMode, type KvClient } from "../../client/index.js";
import { type Clock, sleep } from "../../foundation/clock.js";
import type { Random } from "../../foundation/random.js";
import { ProvedDaemon } from "../daemon/proved-daemon.js";
import { HistoryReader } from "../history/history-reader.js";
import type { Acknowledgement, Deletion, Story } from "../history/timeline.js";
import { ProveLoad, requestIdIn } from "../load/prove-load.js";
import { databaseName } from "../states/state-check.js";
import { exchangesOf } from "./http2-messages.js";
import { type Operation, readOperationLog } from "./operation-log.js";
import { recordedEnvironment } from "./recorder.js";

export interface RecordOrder {
  readonly recorder: string;
  /** On the disk that is put to the proof. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** "first" = one life without kill, deletion and compaction, for what shows at once. */
  readonly lives: "first" | "all";
  /** Writes of a round; all lives together have ten rounds. */
  readonly writesPerRound: number;
  readonly program?: string;
  readonly flags?: readonly string[];
  readonly faults?: readonly string[];
}

export interface Recording {
  readonly logFile: string;
  readonly operations: readonly Operation[];
  readonly story: Story;
}

const kept = ["alpha", "beta"];
const doomed = "doomed";
const callers = 6;
/** Longer than the longest life that the load gives a key, and than the sweeper rests. */
const expiryMs = 1_800;
const killAfterMs = 40;
/** Keys of reads that only mark their moment in what the sockets receive. */
const bookmarkPrefix = "bookmark/";

export async function recordStory(order: RecordOrder): Promise<Recording> {
  const directory = realpathSync(order.directory);
  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  const logFile = join(directory, "operations.log");
  const stage = new Stage(order, { data, logFile });
  try {
    await firstLife(stage);
    if (order.lives === "all") {
      await secondLife(stage);
      await thirdLife(stage);
    }
  } finally {
    await stage.end();
  }
  const operations = readOperationLog(logFile);
  return { logFile, operations, story: storyOf(operations, stage) };
}

class Stage {
  readonly order: RecordOrder;
  readonly load: ProveLoad;
  readonly reader = new HistoryReader();
  readonly #files: { readonly data: string; readonly logFile: string };
  #daemon: ProvedDaemon | undefined;

  constructor(order: RecordOrder, files: { readonly data: string; readonly logFile: string }) {
    this.order = order;
    this.#files = files;
    this.load = new ProveLoad({ random: order.random, namespaces: kept, callers });
  }

  async start(): Promise<ProvedDaemon> {
    const { recorder, faults } = this.order;
    const { data: directory, logFile: log } = this.#files;
    this.#daemon = await ProvedDaemon.start({
      ...this.order,
      file: join(directory, databaseName),
      environment: recordedEnvironment({
        recorder,
        directory,
        log,
        sockets: true,
        ...(faults !== undefined && { faults }),
      }),
    });
    return this.#daemon;
  }

  async round({ client }: ProvedDaemon, namespace?: string): Promise<void> {
    await this.load.run(client, this.order.writesPerRound, namespace);
  }

  async readHistory({ client }: ProvedDaemon): Promise<void> {
    for (const namespace of kept) await this.reader.catchUp(client, namespace);
  }

  async end(): Promise<void> {
    await this.#daemon?.kill();
  }
}

async function firstLife(stage: Stage): Promise<void> {
  const daemon = await stage.start();
  const { client } = daemon;
  await stage.round(daemon);
  await checkpoint(client, CheckpointMode.CHECKPOINT_MODE_PASSIVE);
  await stage.round(daemon);
  await checkpoint(client, CheckpointMode.CHECKPOINT_MODE_TRUNCATE);
  await stage.round(daemon);
  await sleep(stage.order.clock, expiryMs);
  await checkpoint(client, CheckpointMode.CHECKPOINT_MODE_FULL);
  await stage.round(daemon);
  await stage.readHistory(daemon);
  await daemon.stop();
}

async function secondLife(stage: Stage): Promise<void> {
  const daemon = await stage.start();
  const { client } = daemon;
  const settings = { historyReads: true };
  await client.namespaces.updateNamespace({
    namespace: "alpha",
    settings,
    updateMask: ["history_reads"],
  });
  await stage.round(daemon);
  await stage.readHistory(daemon);
  const { header } = await client.kv.get({ namespace: "alpha", key: new Uint8Array([0]) });
  await client.admin.compact({ namespace: "alpha", revision: (header?.revision ?? 1n) - 1n });
  await checkpoint(client, CheckpointMode.CHECKPOINT_MODE_TRUNCATE);
  await stage.round(daemon, doomed);
  await stage.reader.catchUp(client, doomed);
  await bookmark(client, "asked");
  await client.namespaces.deleteNamespace({ namespace: doomed });
  await bookmark(client, "done");
  await stage.round(daemon);
  const slices = client.admin.vacuum({});
  while ((await slices.next()).done !== true);
  await checkpoint(client, CheckpointMode.CHECKPOINT_MODE_RESTART);
  // A log with something in it, and then killed in the middle of a round: some of its writes have
  // no answer.
  await stage.round(daemon);
  const running = stage.round(daemon);
  await sleep(stage.order.clock, killAfterMs);
  await daemon.kill();
  await running;
}

async function thirdLife(stage: Stage): Promise<void> {
  const daemon = await stage.start();
  await stage.load.settle(daemon.client);
  await stage.round(daemon);
  await sleep(stage.order.clock, expiryMs);
  await stage.readHistory(daemon);
  await daemon.stop();
}

async function checkpoint(client: KvClient, mode: CheckpointMode): Promise<void> {
  await client.admin.checkpoint({ mode });
}

async function bookmark(client: KvClient, text: string): Promise<void> {
  const key = new Uint8Array(Buffer.from(`${bookmarkPrefix}${text}`));
  await client.kv.get({ namespace: "alpha", key });
}

function storyOf(operations: readonly Operation[], { load, reader }: Stage): Story {
  const acknowledgements: Acknowledgement[] = [];
  const bookmarks = new Map<string, number>();
  for (const { request, receivedAt, answeredAt } of exchangesOf(operations)) {
    const requestId = requestIdIn(request);
    const answered = requestId === undefined ? undefined : load.answered.get(requestId);
    if (answered !== undefined && answeredAt !== undefined) {
      const { namespace, revision } = answered;
      acknowledgements.push({ at: answeredAt, namespace, revision });
    }
    const at = request.indexOf(bookmarkPrefix);
    if (at >= 0) {
      const text = request.toString("utf8", at + bookmarkPrefix.length);
      bookmarks.set(text.startsWith("asked") ? "asked" : "done", receivedAt);
    }
  }
  const askedAt = bookmarks.get("asked");
  const doneAt = bookmarks.get("done");
  const deletions: Deletion[] =
    askedAt === undefined
      ? []
      : [{ namespace: doomed, askedAt, ...(doneAt !== undefined && { doneAt }) }];
  const history = { until: undefined, namespaces: reader.histories };
  return { histories: [history], acknowledgements, deletions };
}
