/** One call on the real transport, with handlers of the test: answers, errors, cancellation, streams. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { refuse } from "../../../src/rpc/error-details.js";
import { statusCode } from "../../../src/rpc/status-code.js";
import { EngineError } from "../../../src/storage/errors.js";
import {
  BulkLoadRequest,
  type BulkLoadResponse,
  GetRequest,
  GetResponse,
  ScanRequest,
  ScanResponse,
} from "../../../src/wire/kvdb/v1/kv.js";
import { answer, collect, readRefusal, refused } from "../../contract/client.js";
import { rawCall } from "../../contract/raw-call.js";
import { gate, serve, settled, waitUntil } from "./serving.js";

const getPath = "/kvdb.v1.KvService/Get";
const scanPath = "/kvdb.v1.KvService/Scan";
const bulkPath = "/kvdb.v1.KvService/BulkLoad";
const request = GetRequest.fromPartial({ key: new Uint8Array([1]) });
const emptyAnswer = GetResponse.fromPartial({});

test("a plain answer and a promised one reach the client alike", async (ending) => {
  const { client } = await serve(ending, (rows) => [
    rows.unary(getPath, ({ keysOnly }: GetRequest) =>
      keysOnly ? emptyAnswer : Promise.resolve(emptyAnswer),
    ),
  ]);
  for (const keysOnly of [true, false]) {
    const found = await answer<GetResponse>((done) => client.get({ ...request, keysOnly }, done));
    assert.deepEqual(found, emptyAnswer);
  }
});

const throwing = [
  {
    what: "a refusal of the engine",
    error: new EngineError("overloaded", "the queue is full", { hint: "wait" }),
    code: statusCode.RESOURCE_EXHAUSTED,
    reason: "OVERLOADED",
  },
  {
    what: "a status",
    error: refuse("KEY_EMPTY", { message: "key is empty", hint: "send one" }),
    code: statusCode.INVALID_ARGUMENT,
    reason: "KEY_EMPTY",
  },
  {
    what: "a bug",
    error: new TypeError("secret inner text"),
    code: statusCode.INTERNAL,
    reason: "BUG",
  },
];

for (const { what, error, code, reason } of throwing) {
  for (const how of ["at once", "later"]) {
    test(`${what} thrown ${how} becomes ${reason} with details`, async (ending) => {
      const { client, log } = await serve(ending, (rows) => [
        rows.unary(getPath, (): GetResponse | Promise<GetResponse> => {
          if (how === "at once") throw error;
          return Promise.reject(error);
        }),
      ]);
      const refusal = await refused(answer((done) => client.get(request, done)));
      assert.equal(refusal.code, code);
      assert.equal(refusal.reason, reason);
      assert.ok(!refusal.message.includes("secret inner text"));
      const id = refusal.metadata["id"];
      const logged = log.of("rpc.handler-failed").map(({ fields }) => fields["id"]);
      assert.deepEqual(logged, reason === "BUG" ? [id] : []);
    });
  }
}

test("a status text with a lone surrogate reaches the client as text and harms nobody", async (ending) => {
  const { client } = await serve(ending, (rows) => [
    rows.unary(getPath, (): GetResponse => {
      throw refuse("ARGUMENT_INVALID", { message: "bad \ud800 text", hint: "mend it" });
    }),
  ]);
  const refusal = await refused(answer((done) => client.get(request, done)));
  assert.equal(refusal.message, "bad \ufffd text; mend it");
});

test("a message that does not decode is MESSAGE_MALFORMED, and the next call is served", async (ending) => {
  const { client, address, metrics } = await serve(ending, (rows) => [
    rows.unary(getPath, () => emptyAnswer),
  ]);
  // Field 2 (key) claims 100 bytes and has one.
  const trailers = await rawCall(address, getPath, Buffer.from([0, 0, 0, 0, 3, 0x12, 100, 1]));
  assert.equal(trailers["grpc-status"], String(statusCode.INVALID_ARGUMENT));
  assert.match(String(trailers["grpc-message"]), /not%20an%20encoded%20request/);
  assert.match(
    await metrics.expose(),
    /kvdb_operations_total\{rpc="KvService\/Get",status="INVALID_ARGUMENT"\} 1/,
  );
  assert.deepEqual(await answer((done) => client.get(request, done)), emptyAnswer);
});

test("the signal is aborted when the client cancels, and not after a good answer", async (ending) => {
  const waiting = gate();
  const signals: AbortSignal[] = [];
  const { client } = await serve(ending, (rows) => [
    rows.unary(getPath, async ({ keysOnly }: GetRequest, call) => {
      signals.push(call.signal());
      if (keysOnly) return emptyAnswer;
      waiting.open();
      await once(call.signal(), "abort");
      return emptyAnswer;
    }),
  ]);
  await answer((done) => client.get({ ...request, keysOnly: true }, done));
  const failed = answer((done) => {
    const call = client.get(request, done);
    void waiting.opened.then(() => {
      call.cancel();
    });
  });
  await assert.rejects(failed, { code: statusCode.CANCELLED });
  await waitUntil("the abort", () => signals[1]?.aborted === true);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, true],
  );
});

test("a deadline reaches the handler as epoch milliseconds, and none as Infinity", async (ending) => {
  const seen: number[] = [];
  const { client } = await serve(ending, (rows) => [
    rows.unary(getPath, (_request: GetRequest, call) => {
      seen.push(call.deadlineMs);
      return emptyAnswer;
    }),
  ]);
  const before = performance.timeOrigin + performance.now();
  await answer((done) => client.get(request, done));
  const { Metadata } = await import("@grpc/grpc-js");
  await answer((done) =>
    client.get(request, new Metadata(), { deadline: new Date(before + 60_000) }, done),
  );
  const [none = 0, some = 0] = seen;
  assert.equal(none, Infinity);
  assert.ok(some > before && some < before + 120_000);
});

test("a stream that is not read holds the handler back, and all messages arrive in order", async (ending) => {
  const messages = 40;
  const chunk = new Uint8Array(256 * 1024);
  let written = 0;
  const { client } = await serve(ending, (rows) => [
    rows.serverStream(scanPath, async (_request: ScanRequest, out) => {
      for (; written < messages; written++) {
        const kvs = [{ key: new Uint8Array([written]), value: chunk }];
        await out.write(ScanResponse.fromPartial({ kvs, resumeToken: String(written) }));
      }
    }),
  ]);
  const stream = client.scan(ScanRequest.fromPartial({}));
  // The library's client buffers without bound until it is first asked for a message.
  await once(stream, "readable");
  // What fits: the unsent bound, the connection's window and the client's own buffers.
  await settled(() => written);
  assert.ok(written < messages, "the handler must have been held back");
  const tokens = (await collect(stream)).map(({ resumeToken }) => resumeToken);
  assert.deepEqual(
    tokens,
    Array.from({ length: messages }, (_none, at) => String(at)),
  );
});

test("a handler that waits for room learns that the client has gone", async (ending) => {
  let ended: unknown;
  const { client, admission } = await serve(ending, (rows) => [
    rows.serverStream(scanPath, async (_request: ScanRequest, out) => {
      const kvs = [{ key: new Uint8Array([1]), value: new Uint8Array(1024 * 1024) }];
      try {
        for (;;) await out.write(ScanResponse.fromPartial({ kvs }));
      } catch (error) {
        ended = error;
        throw error;
      }
    }),
  ]);
  const stream = client.scan(ScanRequest.fromPartial({}));
  stream.on("error", () => undefined);
  await once(stream, "readable");
  stream.cancel();
  await waitUntil("the handler's end", () => ended !== undefined);
  assert.equal((ended as { reason?: string }).reason, "NOT_EXECUTED");
  await waitUntil("the stream to leave", () => admission.running.streams === 0);
});

test("messages of a client wait until the handler asks for them", async (ending) => {
  const steps = gate();
  let taken = 0;
  const { client } = await serve(ending, (rows) => [
    rows.bidi(bulkPath, async (requests: AsyncIterable<BulkLoadRequest>, out) => {
      for await (const { chunkId } of requests) {
        taken++;
        if (taken === 1) await steps.opened;
        await out.write({ header: undefined, chunkId });
      }
    }),
  ]);
  const stream = client.bulkLoad();
  const value = new Uint8Array(1024 * 1024);
  let accepted = 0;
  for (let at = 1; at <= 24; at++) {
    const kvs = [{ key: new Uint8Array([at]), value }];
    stream.write(BulkLoadRequest.fromPartial({ chunkId: BigInt(at), kvs }), () => accepted++);
  }
  stream.end();
  await waitUntil("the first message", () => taken === 1);
  await settled(() => accepted);
  assert.ok(accepted < 24, "the connection must have held the client back");
  steps.open();
  const acknowledged = await collect<BulkLoadResponse>(stream);
  assert.deepEqual(
    acknowledged.map(({ chunkId }) => Number(chunkId)),
    Array.from({ length: 24 }, (_none, at) => at + 1),
  );
});

test("a handler may end a stream of requests before its end", async (ending) => {
  const { client } = await serve(ending, (rows) => [
    rows.bidi(bulkPath, async (requests: AsyncIterable<BulkLoadRequest>) => {
      for await (const { chunkId } of requests) {
        const message = `chunk ${String(chunkId)} is too large`;
        throw refuse("BATCH_TOO_LARGE", { message, hint: "send less" });
      }
    }),
  ]);
  const stream = client.bulkLoad();
  stream.write(BulkLoadRequest.fromPartial({ chunkId: 1n }));
  const error = (await once(stream, "error"))[0] as ServiceError;
  assert.equal(readRefusal(error).reason, "BATCH_TOO_LARGE");
});

test("a broken message in the middle of a stream ends it with MESSAGE_MALFORMED", async (ending) => {
  const { address } = await serve(ending, (rows) => [
    rows.bidi(bulkPath, async (requests: AsyncIterable<BulkLoadRequest>, out) => {
      for await (const { chunkId } of requests) await out.write({ header: undefined, chunkId });
    }),
  ]);
  const good = Buffer.from(
    BulkLoadRequest.encode(BulkLoadRequest.fromPartial({ chunkId: 7n })).finish(),
  );
  const prefix = Buffer.from([0, 0, 0, 0, good.length]);
  const broken = Buffer.from([0, 0, 0, 0, 2, 0x22, 9]);
  const trailers = await rawCall(address, bulkPath, Buffer.concat([prefix, good, broken]));
  assert.equal(trailers["grpc-status"], String(statusCode.INVALID_ARGUMENT));
});
