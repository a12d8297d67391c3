/**
 * A real engine on a directory of its own: real files, real threads, real SQLite. Options are
 * complete and may be replaced one by one; time is the system's or a clock that the test moves. The
 * verbs are those of the engine, on domain types, with what a test usually does not care about
 * filled in.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type EngineOptions, type FatalFault, openEngine } from "../../src/engine/index.js";
import { type Clock, systemClock } from "../../src/foundation/clock.js";
import { Failpoints } from "../../src/foundation/failpoint.js";
import { seededRandom } from "../../src/foundation/random.js";
import { type StartThread, startWorker } from "../../src/foundation/thread-link.js";
import { Metrics } from "../../src/observability/metrics.js";
import { proveOptions } from "../../src/prove/states/engine-setup.js";
import type { EngineErrorKind } from "../../src/storage/errors.js";
import { pageBytesMax, pageRowsMax } from "../../src/storage/limits.js";
import type {
  Compare,
  Entry,
  Expiry,
  Header,
  Key,
  Namespace,
  Operation,
  RequestId,
  TxnResult,
} from "../../src/storage/model.js";
import type {
  CallLimits,
  Outcome,
  Page,
  PageRead,
  RangeRead,
  StorageEngine,
} from "../../src/storage/storage-engine.js";
import { type RecordingLog, recordingLog } from "./recording-log.js";
import { type Ending, tempDirectory } from "./temp-directory.js";

/** A caller that waits for ever and never goes away. */
export const patient: CallLimits = {
  deadlineMs: Number.POSITIVE_INFINITY,
  cancelled: () => false,
};

export const testNamespace = "test" as Namespace;

export interface EngineSetup {
  readonly options?: Partial<EngineOptions>;
  readonly clock?: Clock;
  /** As in foundation/failpoint.ts; armed in the writer thread too. */
  readonly failpoints?: string;
  /** In place of a worker. */
  readonly startThread?: StartThread;
  /** Undefined = a new one, gone at the end of the test. */
  readonly directory?: string;
}

export interface Asked {
  readonly namespace?: string;
  readonly requestId?: string;
  readonly call?: CallLimits;
  readonly compares?: readonly Compare[];
  readonly failure?: readonly Operation[];
}

type Text = string | Uint8Array;

export class TempEngine {
  readonly log: RecordingLog = recordingLog();
  readonly metrics = new Metrics();
  /** What the process was asked to exit for. */
  readonly faults: FatalFault[] = [];
  readonly clock: Clock;
  readonly #setup: EngineSetup;
  #file = "";
  #engine: StorageEngine | undefined;

  private constructor(setup: EngineSetup) {
    this.#setup = setup;
    this.clock = setup.clock ?? systemClock();
  }

  /** Opens an engine that is closed, and its files removed, at the end. */
  static async open(ending: Ending, setup: EngineSetup = {}): Promise<TempEngine> {
    const temp = new TempEngine(setup);
    // Registered first, so that it is closed before its directory goes.
    ending.after(() => temp.close());
    temp.#file = join(setup.directory ?? tempDirectory(ending), "data", "kv.db");
    await temp.start({});
    return temp;
  }

  get engine(): StorageEngine {
    assert.ok(this.#engine !== undefined, "the engine is open");
    return this.#engine;
  }

  get file(): string {
    return this.#file;
  }

  get walFile(): string {
    return `${this.#file}-wal`;
  }

  /** Opens the files again, after `close`. */
  async start(options: Partial<EngineOptions>): Promise<void> {
    // The engine expects it of its process; a worker of the test runner has the user's.
    process.umask(0o077);
    const failpoints = Failpoints.parse(this.#setup.failpoints ?? "");
    this.#engine = await openEngine(
      { ...testOptions(this.#file), ...this.#setup.options, ...options },
      {
        clock: this.clock,
        random: seededRandom(1),
        failpoints,
        startThread: this.#setup.startThread ?? startWorker,
        log: this.log,
        metrics: this.metrics,
        onFatal: (fault) => {
          this.faults.push(fault);
        },
      },
    );
  }

  async close(): Promise<void> {
    await this.#engine?.close();
  }

  async reopen(options: Partial<EngineOptions> = {}): Promise<void> {
    await this.close();
    await this.start(options);
  }

  commit(success: readonly Operation[], asked: Asked = {}): Promise<Outcome<TxnResult>> {
    const { compares = [], failure = [], call = patient } = asked;
    return this.engine.commit(
      {
        namespace: namespaceOf(asked),
        principal: undefined,
        requestId: asked.requestId as RequestId | undefined,
        body: { compares, success, failure },
      },
      call,
    );
  }

  put(key: Text, value: Text, asked: Asked = {}): Promise<Outcome<TxnResult>> {
    return this.commit([putOf(key, value)], asked);
  }

  delete(key: Text, asked: Asked = {}): Promise<Outcome<TxnResult>> {
    const span = { kind: "key", key: keyOf(key) } as const;
    return this.commit([{ kind: "delete", span, returnPrevious: false }], asked);
  }

  increment(key: Text, delta: bigint, asked: Asked = {}): Promise<Outcome<TxnResult>> {
    return this.commit([{ kind: "increment", key: keyOf(key), delta, initial: 0n }], asked);
  }

  async get(key: Text, asked: Asked = {}): Promise<Entry | undefined> {
    const read = { keys: [keyOf(key)], at: undefined, keysOnly: false };
    return (await this.engine.get(namespaceOf(asked), read, patient)).entries[0];
  }

  /** The value as text; undefined = there is no such key. */
  async text(key: Text, asked: Asked = {}): Promise<string | undefined> {
    const entry = await this.get(key, asked);
    return entry === undefined ? undefined : textOf(entry.value);
  }

  list(read: Partial<PageRead> = {}, asked: Asked = {}): Promise<Page> {
    return this.engine.list(namespaceOf(asked), { ...wholePage, ...read }, patient);
  }

  /** All entries of a scan, and the revisions that its pages named. */
  async scan(
    read: Partial<RangeRead> = {},
    asked: Asked = {},
  ): Promise<{ readonly entries: Entry[]; readonly revisions: readonly bigint[] }> {
    const entries: Entry[] = [];
    const revisions = new Set<bigint>();
    const pages = { [Symbol.asyncIterator]: () => this.scanPages(read, asked) };
    for await (const page of pages) {
      entries.push(...page.entries);
      revisions.add(page.header.revision);
    }
    return { entries, revisions: [...revisions] };
  }

  /** The pages of a scan, one at a time: until the end, its snapshot is open. */
  scanPages(read: Partial<RangeRead> = {}, asked: Asked = {}): AsyncIterator<Page> {
    const { call = patient } = asked;
    const range = { ...wholeRange, ...read };
    const pages = this.engine.scan(namespaceOf(asked), range, "test", call);
    return pages[Symbol.asyncIterator]();
  }

  async head(asked: Asked = {}): Promise<Header> {
    return this.engine.head(namespaceOf(asked));
  }
}

export const wholeRange: RangeRead = {
  range: { start: new Uint8Array(0), end: undefined },
  reverse: false,
  keysOnly: false,
  at: undefined,
  after: undefined,
};

export const wholePage: PageRead = {
  ...wholeRange,
  rowsMax: pageRowsMax,
  bytesMax: pageBytesMax,
  count: false,
};

export function testOptions(file: string): EngineOptions {
  const cacheBytes = 8 * 1024 * 1024;
  return { ...proveOptions(file), synchronous: "FULL", busyBudgetMs: 5_000, cacheBytes };
}

export function keyOf(text: Text): Key {
  return bytesOf(text) as Key;
}

export function bytesOf(text: Text): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function putOf(
  key: Text,
  value: Text,
  expiry: Expiry = { kind: "never" },
): Operation & { kind: "put" } {
  return { kind: "put", key: keyOf(key), value: bytesOf(value), expiry, returnPrevious: false };
}

/** Fails the test when the outcome is not "ok". */
export function okOf(outcome: Outcome<TxnResult>): { header: Header; value: TxnResult } {
  assert.ok(outcome.kind === "ok", JSON.stringify(outcome, printable));
  return outcome;
}

/** The kind of a refusal, in an outcome or thrown; the outcome's kind when it is no refusal. */
export async function refusalOf(
  asked: () => Promise<Outcome<TxnResult>> | Outcome<TxnResult>,
): Promise<EngineErrorKind | Outcome<TxnResult>["kind"]> {
  try {
    const outcome = await asked();
    return outcome.kind === "refused" ? outcome.refusal.kind : outcome.kind;
  } catch (error) {
    return kindOf(error);
  }
}

/** The kind of an EngineError; anything else fails the test. */
export function kindOf(error: unknown): EngineErrorKind {
  assert.ok(error instanceof Error && error.name === "EngineError", String(error));
  return (error as Error & { readonly kind: EngineErrorKind }).kind;
}

function namespaceOf(asked: Asked): Namespace {
  return (asked.namespace ?? testNamespace) as Namespace;
}

function printable(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
