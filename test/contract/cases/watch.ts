/** Watch: what a client gets, in which order, and how a watch ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientReadableStream } from "@grpc/grpc-js";
import { statusCode } from "../../../src/rpc/status-code.js";
import {
  deleteReasonToJSON,
  EventType,
  type WatchEvent,
  WatchFilter,
  WatchRequest,
  type WatchResponse,
} from "../../../src/wire/kvdb/v1/kv.js";
import { bytes, type ContractClient, type Refused, readRefusal, refused, text } from "../client.js";
import type { Cases } from "../runner.js";

const everyKey = { range: { $case: "all", value: true } } as const;

/** A watch as a client reads it: responses in order, then the refusal that ended it. */
export class Watching {
  readonly #stream: ClientReadableStream<WatchResponse>;
  readonly #responses: WatchResponse[] = [];
  #error: Error | undefined;
  #wake: () => void = () => undefined;

  private constructor(client: ContractClient, part: Partial<WatchRequest>) {
    this.#stream = client.kv.watch(WatchRequest.fromPartial({ range: everyKey, ...part }));
    this.#stream.on("data", (response: WatchResponse) => {
      this.#responses.push(response);
      this.#wake();
    });
    this.#stream.on("error", (error: Error) => {
      this.#error = error;
      this.#wake();
    });
  }

  /** Resolves once the initial metadata is there. */
  static async standing(client: ContractClient, part: Partial<WatchRequest>): Promise<Watching> {
    const watching = new Watching(client, part);
    await once(watching.#stream, "metadata");
    return watching;
  }

  /** What a watch that is refused at once is refused with. */
  static refused(client: ContractClient, part: Partial<WatchRequest>): Promise<Refused> {
    return refused(new Watching(client, part).next());
  }

  /** Rejects with what ended the watch, after the last response. */
  async next(): Promise<WatchResponse> {
    for (;;) {
      const response = this.#responses.shift();
      if (response !== undefined) return response;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** All events up to a revision, then the client goes. */
  async through(revision: bigint): Promise<WatchEvent[]> {
    const events: WatchEvent[] = [];
    for (;;) {
      const response = await this.next();
      events.push(...response.events);
      if ((response.header?.revision ?? 0n) < revision) continue;
      this.cancel();
      return events;
    }
  }

  /** The refusal, after whatever was still to be read. */
  async end(): Promise<Refused> {
    try {
      for (;;) await this.next();
    } catch (error) {
      return readRefusal(error);
    }
  }

  /** Nothing is read any more, as by a client that hangs. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  cancel(): void {
    this.#stream.cancel();
  }
}

/** "revision key=value", "revision -key reason". */
export function shown(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, kv, reason }) => {
    const at = `${String(kv?.modRevision)} `;
    if (type === EventType.EVENT_TYPE_PUT) return `${at}${text(kv?.key)}=${text(kv?.value)}`;
    return `${at}-${text(kv?.key)} ${deleteReasonToJSON(reason).replace("DELETE_REASON_", "")}`;
  });
}

export const watchCases: Cases = {
  "once the initial metadata is there, no later commit is missed": async (bench) => {
    const { client, namespace } = bench;
    await client.put({ namespace, key: bytes("a"), value: bytes("before") });
    const watching = await Watching.standing(client, { namespace });
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    await client.delete({ namespace, key: bytes("a") });
    assert.deepEqual(shown(await watching.through(3n)), ["2 a=1", "3 -a CLIENT"]);
  },

  "a PUT carries the entry after the change, a DELETE only its key and revision": async (bench) => {
    const { client, namespace } = bench;
    const watching = await Watching.standing(client, { namespace, startRevision: 1n });
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    await client.put({ namespace, key: bytes("a"), value: bytes("2") });
    await client.delete({ namespace, key: bytes("a") });
    const [, put, deletion] = await watching.through(3n);
    assert.deepEqual(
      { ...put?.kv, key: text(put?.kv?.key), value: text(put?.kv?.value) },
      {
        key: "a",
        value: "2",
        createRevision: 1n,
        modRevision: 2n,
        version: 2n,
        expireTime: undefined,
        leaseId: 0n,
      },
    );
    assert.equal(put?.prevKv, undefined);
    assert.equal(deletion?.type, EventType.EVENT_TYPE_DELETE);
    assert.deepEqual(
      { ...deletion.kv, key: text(deletion.kv?.key), value: deletion.kv?.value.length },
      {
        key: "a",
        value: 0,
        createRevision: 0n,
        modRevision: 3n,
        version: 0n,
        expireTime: undefined,
        leaseId: 0n,
      },
    );
  },

  "a watch resumes from any revision that its headers have named": async (bench) => {
    const { client, namespace } = bench;
    for (const value of ["1", "2", "3", "4"]) {
      await client.put({ namespace, key: bytes("a"), value: bytes(value) });
    }
    const expected = ["1 a=1", "2 a=2", "3 a=3", "4 a=4"];
    for (const startRevision of [1n, 2n, 3n, 4n]) {
      const watching = await Watching.standing(client, { namespace, startRevision });
      const left = expected.slice(Number(startRevision) - 1);
      assert.deepEqual(shown(await watching.through(4n)), left);
    }
  },

  "a revision comes whole, in one response, in the order of its keys": async (bench) => {
    const { client, namespace } = bench;
    const watching = await Watching.standing(client, { namespace });
    const ops = ["c", "a", "b"].map((name) => ({
      operation: {
        $case: "put",
        value: { key: bytes(name), value: bytes("x".repeat(50_000)), returnPrevious: false },
      } as const,
    }));
    await client.batchWrite({ namespace, ops: ops as never });
    const { events, header } = await watching.next();
    watching.cancel();
    assert.deepEqual(
      events.map(({ kv }) => text(kv?.key)),
      ["a", "b", "c"],
    );
    assert.equal(header?.revision, 1n);
  },

  "a range, filters and keys_only leave out what was not asked for": async (bench) => {
    const { client, namespace } = bench;
    const range = { range: { $case: "prefix", value: bytes("b") } } as const;
    for (const name of ["a", "b1", "b2", "c"]) {
      await client.put({ namespace, key: bytes(name), value: bytes("v") });
    }
    await client.delete({ namespace, key: bytes("b1") });
    const read = async (part: Partial<WatchRequest>): Promise<string[]> => {
      const all = { namespace, range, startRevision: 1n, ...part };
      return shown(await (await Watching.standing(client, all)).through(5n));
    };
    assert.deepEqual(await read({}), ["2 b1=v", "3 b2=v", "5 -b1 CLIENT"]);
    assert.deepEqual(await read({ keysOnly: true }), ["2 b1=", "3 b2=", "5 -b1 CLIENT"]);
    const noPut = [WatchFilter.WATCH_FILTER_NO_PUT];
    assert.deepEqual(await read({ filters: noPut }), ["5 -b1 CLIENT"]);
  },

  "while nothing matches, progress says up to where the stream is complete": async (bench) => {
    const { client, namespace } = bench;
    const range = { range: { $case: "prefix", value: bytes("quiet/") } } as const;
    const progressInterval = { seconds: 0n, nanos: 100_000_000 };
    const watching = await Watching.standing(client, { namespace, range, progressInterval });
    await client.put({ namespace, key: bytes("loud"), value: bytes("1") });
    for (;;) {
      const { progress, events, header } = await watching.next();
      assert.equal(progress, true);
      assert.equal(events.length, 0);
      if (header?.revision === 1n) break;
    }
    watching.cancel();
  },

  "a key that runs out is a DELETE that says so": async ({ client, namespace }) => {
    const watching = await Watching.standing(client, { namespace });
    const ttl = { $case: "ttl", value: { seconds: 0n, nanos: 1_000_000 } } as const;
    await client.put({ namespace, key: bytes("a"), value: bytes("1"), expiry: ttl });
    assert.deepEqual(shown(await watching.through(2n)), ["1 a=1", "2 -a EXPIRED"]);
  },

  "a start above the next revision is refused": async ({ client, namespace }) => {
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    const refusal = await Watching.refused(client, { namespace, startRevision: 3n });
    assert.equal(refusal.code, statusCode.OUT_OF_RANGE);
    assert.equal(refusal.reason, "FUTURE_REVISION");
    assert.equal(refusal.metadata["head"], "1");
  },

  "another store_id than the present one is a changed history": async ({ client, namespace }) => {
    const { header } = await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    const refusal = await Watching.refused(client, { namespace, storeId: "another" });
    assert.equal(refusal.code, statusCode.ABORTED);
    assert.equal(refusal.reason, "HISTORY_CHANGED");
    const storeId = header?.storeId ?? "";
    const watching = await Watching.standing(client, { namespace, storeId, startRevision: 1n });
    assert.deepEqual(shown(await watching.through(1n)), ["1 a=1"]);
  },

  "previous entries need a namespace that keeps them": async ({ client, namespace }) => {
    await client.put({ namespace, key: bytes("a"), value: bytes("1") });
    const refusal = await Watching.refused(client, { namespace, prevKv: true });
    assert.equal(refusal.code, statusCode.FAILED_PRECONDITION);
    assert.equal(refusal.reason, "HISTORY_OFF");
  },

  "fields that say nothing sensible are refused by name": async ({ client, namespace }) => {
    const rows: readonly (readonly [Partial<WatchRequest>, string])[] = [
      [{ range: undefined }, "range"],
      [{ startRevision: 0n }, "start_revision"],
      [{ filters: [WatchFilter.WATCH_FILTER_UNSPECIFIED] }, "filters"],
      [{ progressInterval: { seconds: 0n, nanos: 99_000_000 } }, "progress_interval"],
      [{ progressInterval: { seconds: 3_601n, nanos: 0 } }, "progress_interval"],
    ];
    for (const [part, field] of rows) {
      const refusal = await Watching.refused(client, { namespace, ...part });
      assert.equal(refusal.code, statusCode.INVALID_ARGUMENT, field);
      assert.deepEqual(refusal.fields, [field]);
    }
  },
};
