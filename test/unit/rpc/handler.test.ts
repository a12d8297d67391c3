/** What happens around every handler: gate, admission, errors, telemetry. No transport takes part. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../src/foundation/clock.js";
import { seededRandom } from "../../../src/foundation/random.js";
import { Metrics } from "../../../src/observability/metrics.js";
import { Admission, admissionDefaults } from "../../../src/rpc/admission.js";
import { malformedMessage, type TransportCall, type Unary } from "../../../src/rpc/call.js";
import { refuse } from "../../../src/rpc/error-details.js";
import { type HandlerPorts, serveServerStream, serveUnary } from "../../../src/rpc/handler.js";
import { Readiness } from "../../../src/rpc/readiness.js";
import { statusCode } from "../../../src/rpc/status-code.js";
import { type RecordingLog, recordingLog } from "../../support/recording-log.js";
import { transportCall } from "../../support/transport-call.js";
import { readStatusError, refusalOf } from "./refusals.js";

interface Bench {
  readonly ports: HandlerPorts;
  readonly clock: ManualClock;
  readonly readiness: Readiness;
  readonly log: RecordingLog;
  readonly serve: <Request, Response>(
    handle: Unary<Request, Response>,
    always?: boolean,
  ) => Unary<Request, Response, TransportCall>;
}

const path = "/kvdb.v1.KvService/Get";

function bench(limits: Partial<typeof admissionDefaults> = {}): Bench {
  const clock = new ManualClock();
  const readiness = new Readiness();
  readiness.set("serving", "");
  const log = recordingLog();
  const ports: HandlerPorts = {
    admission: new Admission({ ...admissionDefaults, ...limits }),
    health: readiness,
    clock,
    random: seededRandom(1),
    log,
    metrics: new Metrics(),
    slowCallMs: 1000,
  };
  const serve: Bench["serve"] = (handle, always = false) =>
    serveUnary({ path, always }, handle, ports);
  return { ports, clock, readiness, log, serve };
}

function call(part: Partial<TransportCall> = {}): TransportCall {
  return transportCall({ path, ...part });
}

test("a plain answer stays plain: no promise is made for it", () => {
  const { serve, ports } = bench();
  assert.equal(serve(() => 42)(undefined, call()), 42);
  assert.deepEqual(ports.admission.running, { calls: 0, streams: 0, bytes: 0 });
});

test("the handler sees the call and who is calling, and no signal is made unasked", () => {
  const { serve } = bench();
  let asked = 0;
  const seen = serve((_request, context) => {
    assert.equal(context.principal.kind, "anonymous");
    assert.equal(context.principal.name, undefined);
    return [context.path, context.deadlineMs, context.requestBytes, context.peer()];
  })(
    undefined,
    call({
      signal: () => {
        asked++;
        return new AbortController().signal;
      },
    }),
  );
  assert.deepEqual(seen, [path, Infinity, 10, "test"]);
  assert.equal(asked, 0);
});

test("a call is in progress until its promise has settled, whichever way", async () => {
  const { serve, ports } = bench();
  for (const outcome of ["well", "badly"]) {
    let settle: () => void = () => undefined;
    const served = serve(
      () =>
        new Promise<number>((resolve, reject) => {
          settle = () => {
            if (outcome === "well") resolve(1);
            else reject(refuse("KEY_EMPTY", { message: "m", hint: "h" }));
          };
        }),
    )(undefined, call());
    assert.deepEqual(ports.admission.running, { calls: 1, streams: 0, bytes: 10 });
    settle();
    await Promise.resolve(served).catch(() => undefined);
    assert.deepEqual(ports.admission.running, { calls: 0, streams: 0, bytes: 0 });
  }
});

test("above the bound of calls or bytes a call is OVERLOADED, with a delay and the quota", async () => {
  for (const limits of [{ callsMax: 1 }, { requestBytesMax: 15 }]) {
    const { serve, ports } = bench(limits);
    let finish: () => void = () => undefined;
    const served = serve(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    const running = served(undefined, call());
    const refusal = refusalOf(() => served(undefined, call()));
    assert.equal(refusal.code, statusCode.RESOURCE_EXHAUSTED);
    assert.equal(refusal.reason, "OVERLOADED");
    assert.deepEqual(refusal.kinds, ["ErrorInfo", "RetryInfo", "QuotaFailure"]);
    assert.equal(ports.admission.running.calls, 1);
    finish();
    await running;
    assert.equal(ports.admission.running.calls, 0);
  }
});

test("administration is let in when everything else is refused", () => {
  const { serve, readiness, ports } = bench({ callsMax: 0 });
  readiness.set("failed", "the disk");
  assert.equal(refusalOf(() => serve(() => 1)(undefined, call())).reason, "NOT_READY");
  assert.equal(serve(() => 1, true)(undefined, call()), 1);
  assert.equal(ports.admission.running.calls, 0);
});

test("a deadline that has passed refuses the call before the handler runs", () => {
  const { serve, clock } = bench();
  let ran = 0;
  const served = serve(() => ran++);
  const deadlineMs = clock.wallMs() + 50;
  assert.equal(served(undefined, call({ deadlineMs })), 0);
  clock.advance(50);
  const refusal = refusalOf(() => served(undefined, call({ deadlineMs })));
  assert.deepEqual([refusal.code, refusal.reason], [statusCode.DEADLINE_EXCEEDED, "NOT_EXECUTED"]);
  assert.equal(ran, 1);
});

test("a message that did not decode never reaches the handler", () => {
  const { serve } = bench();
  const refusal = refusalOf(() => serve(() => 1)(malformedMessage, call()));
  assert.equal(refusal.reason, "MESSAGE_MALFORMED");
});

test("a bug shows the caller an id and the log everything", () => {
  const { serve, log } = bench();
  const refusal = refusalOf(() =>
    serve(() => {
      throw new TypeError("x is not a function: secret");
    })(undefined, call()),
  );
  assert.equal(refusal.code, statusCode.INTERNAL);
  assert.ok(!JSON.stringify(refusal).includes("secret"));
  const [line] = log.of("rpc.handler-failed");
  assert.equal(line?.fields["id"], refusal.metadata["id"]);
  assert.match(JSON.stringify(line?.fields["error"]), /secret/);
});

test("only calls longer than the bound are logged as slow", () => {
  const { serve, log, clock } = bench();
  for (const durationMs of [1000, 1001]) {
    const served = serve(() => {
      clock.advance(durationMs);
    });
    assert.equal(served(undefined, call()), undefined);
  }
  const lines = log.of("rpc.slow");
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.fields["duration_ms"], 1001);
  assert.equal(lines[0].fields["rpc"], "KvService/Get");
});

test("a stream is counted while it lasts and leaves when it fails", async () => {
  const { ports } = bench();
  const streamPath = "/kvdb.v1.KvService/Scan";
  const served = serveServerStream(
    { path: streamPath, always: false },
    async () => {
      assert.equal(ports.admission.running.streams, 1);
      await Promise.reject(new Error("broken"));
    },
    ports,
  );
  const out = { begin: () => undefined, write: () => undefined };
  await assert.rejects(served(undefined, out, call({ path: streamPath })), (error) => {
    assert.equal(readStatusError(error).reason, "BUG");
    return true;
  });
  assert.equal(ports.admission.running.streams, 0);
});

test("a call cut by its deadline is counted as that, whatever ended the handler", async () => {
  const { serve, clock, ports } = bench();
  const deadlineMs = clock.wallMs() + 10;
  const cut = serve(() => {
    clock.advance(10);
    throw refuse("NOT_EXECUTED", { message: "m", hint: "h", code: statusCode.CANCELLED });
  });
  assert.equal(refusalOf(() => cut(undefined, call({ deadlineMs }))).code, statusCode.CANCELLED);
  const exposed = await ports.metrics.expose();
  assert.match(exposed, /kvdb_errors_total\{code="DEADLINE_EXCEEDED"\} 1/);
});
