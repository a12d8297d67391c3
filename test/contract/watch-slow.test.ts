/** A client that stops reading: the watch over it is cut, although nobody ever makes room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import type { CallContext, StreamWriter } from "../../src/rpc/call.js";
import { EngineAccess } from "../../src/rpc/engine-access.js";
import { anonymous } from "../../src/rpc/principal.js";
import { Readiness } from "../../src/rpc/readiness.js";
import { WatchService } from "../../src/rpc/watch-service.js";
import { EngineError } from "../../src/storage/errors.js";
import { watchBlockedMsMax } from "../../src/storage/limits.js";
import { WatchRequest, type WatchResponse } from "../../src/wire/kvdb/v1/kv.js";
import { TempEngine } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const request = WatchRequest.fromPartial({
  namespace: "test",
  range: { range: { $case: "all", value: true } },
});

function callOf(signal: AbortSignal): CallContext {
  return {
    path: "/kvdb.v1.KvService/Watch",
    deadlineMs: Infinity,
    requestBytes: 0,
    principal: anonymous,
    cancelled: () => signal.aborted,
    signal: () => signal,
    header: () => undefined,
    peer: () => "a test",
    clientCertificate: () => undefined,
    trailer: () => undefined,
  };
}

interface Client {
  readonly out: StreamWriter<WatchResponse>;
  readonly begun: () => boolean;
  readonly responses: readonly WatchResponse[];
}

/** Takes what it is given, and never has room for more. */
function clientThatHangs(): Client {
  const responses: WatchResponse[] = [];
  let begun = false;
  const out: StreamWriter<WatchResponse> = {
    begin: () => {
      begun = true;
    },
    write: (response) => {
      responses.push(response);
      return new Promise(() => undefined);
    },
  };
  return { out, begun: () => begun, responses };
}

async function serve(t: Parameters<typeof TempEngine.open>[0]) {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  const access = new EngineAccess({
    engine: () => temp.engine,
    health: new Readiness(),
    tokenSecret: new Uint8Array(32),
    clock,
  });
  return { clock, temp, service: new WatchService(access) };
}

test("a client that never makes room is cut once changes have waited too long for it", async (t) => {
  const { clock, temp, service } = await serve(t);
  const client = clientThatHangs();
  const ended = service.watch(request, client.out, callOf(new AbortController().signal)).then(
    () => "ended",
    (error: unknown) => error,
  );
  await waitFor("the watch to stand", () => (client.begun() ? true : undefined));
  await temp.put("a", "1");
  await waitFor("the first response", () => client.responses[0]);
  await temp.put("a", "2");
  clock.advance(watchBlockedMsMax);
  const error = await ended;
  assert.ok(error instanceof EngineError);
  assert.equal(error.kind, "slow-consumer");
  // What was written is still sent before the status, so the watch goes on right after it.
  const complete = client.responses[0]?.header?.revision ?? 0n;
  assert.equal(error.facts["resume_revision"], String(complete + 1n));
  assert.equal(client.responses.length, 1);
});

test("a store that closes ends a watch whose client makes no room", async (t) => {
  const { temp, service } = await serve(t);
  const client = clientThatHangs();
  const ended = service
    .watch(request, client.out, callOf(new AbortController().signal))
    .catch((error: unknown) => error);
  await waitFor("the watch to stand", () => (client.begun() ? true : undefined));
  await temp.put("a", "1");
  await waitFor("the first response", () => client.responses[0]);
  await temp.close();
  const error = await ended;
  assert.ok(error instanceof EngineError);
  assert.equal(error.kind, "draining");
});
