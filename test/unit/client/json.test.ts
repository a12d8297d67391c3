/** JSON to messages and back, by the contract's own descriptors, against the generated codecs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { answerJson } from "../../../src/client/answer-json.js";
import {
  durationFromText,
  durationText,
  timestampFromText,
  timestampText,
} from "../../../src/client/json-text.js";
import { adminMethods, kvMethods } from "../../../src/client/method-table.js";
import {
  bytesFromBase64,
  JsonError,
  jsonFromMessage,
  messageFromJson,
} from "../../../src/client/proto-json.js";
import { ProtoSchema } from "../../../src/client/proto-schema.js";
import { WatchEventsResponse } from "../../../src/wire/kvdb/v1/admin.js";
import { ListRequest, PutRequest, TxnRequest } from "../../../src/wire/kvdb/v1/kv.js";

const schema = await ProtoSchema.load();

test("a request in JSON is the request that the generated code decodes", () => {
  const json = {
    namespace: "app",
    key: "aGk=",
    value: "",
    ttl: "1.5s",
    condition: { if_mod_revision: "18446744073709551615" },
    returnPrevious: true,
  };
  assert.deepEqual(PutRequest.decode(messageFromJson(schema, "kvdb.v1.PutRequest", json)), {
    namespace: "app",
    requestId: "",
    key: Buffer.from("hi"),
    value: Buffer.alloc(0),
    expiry: { $case: "ttl", value: { seconds: 1n, nanos: 500_000_000 } },
    condition: { condition: { $case: "ifModRevision", value: 2n ** 64n - 1n } },
    returnPrevious: true,
  });
});

test("enums go by name or number, nested lists and ranges are read", () => {
  const json = {
    compares: [
      { range: { prefix: "YQ==" }, relation: "COMPARE_RELATION_EQUAL", version: 0 },
      { key: "YQ==", relation: 3, leaseId: "7" },
    ],
    success: [{ txn: { success: [{ increment: { key: "bg==", delta: "-5" } }] } }],
  };
  const request = TxnRequest.decode(messageFromJson(schema, "kvdb.v1.TxnRequest", json));
  assert.deepEqual(
    request.compares.map(({ relation }) => relation),
    [1, 3],
  );
  const nested = request.success[0]?.operation;
  assert.ok(nested?.$case === "txn");
  const inner = nested.value.success[0]?.operation;
  assert.ok(inner?.$case === "increment" && inner.value.delta === -5n);
});

test("the one who reads bytes is told which field they are for", () => {
  const readBytes = (text: string, field: { readonly name: string }): Uint8Array => {
    return Buffer.from(`${field.name}:${text}`);
  };
  const json = { key: "a", value: "b" };
  const bytes = messageFromJson(schema, "kvdb.v1.PutRequest", json, readBytes);
  const { key, value } = PutRequest.decode(bytes);
  assert.deepEqual([String(key), String(value)], ["key:a", "value:b"]);
});

const refusals: readonly { readonly json: unknown; readonly says: RegExp }[] = [
  { json: { kee: "aGk=" }, says: /^kee is no field of kvdb\.v1\.PutRequest; it has: namespace/ },
  { json: { condition: { ifAbsnt: true } }, says: /^condition\.ifAbsnt is no field/ },
  { json: { key: "no base64!" }, says: /^key must be bytes/ },
  { json: { key: 7 }, says: /^key must be bytes/ },
  { json: { returnPrevious: "yes" }, says: /^returnPrevious must be a boolean/ },
  { json: { leaseId: -1 }, says: /^leaseId does not fit uint64/ },
  { json: { leaseId: "18446744073709551616" }, says: /^leaseId does not fit uint64/ },
  { json: { leaseId: 2 ** 60 }, says: /^leaseId is too large for a JSON number/ },
  { json: { leaseId: 1.5 }, says: /^leaseId must be a whole number/ },
  { json: { ttl: "soon" }, says: /^ttl must be a duration/ },
  { json: { expireTime: "tomorrow" }, says: /^expireTime must be a moment/ },
  { json: [], says: /^the message must be an object/ },
];

for (const { json, says } of refusals) {
  test(`${JSON.stringify(json)} is refused with the place that is wrong`, () => {
    assert.throws(
      () => messageFromJson(schema, "kvdb.v1.PutRequest", json),
      (error) => error instanceof JsonError && says.test(error.message),
    );
  });
}

test("an enum that does not exist is refused with those that do", () => {
  assert.throws(
    () => messageFromJson(schema, "kvdb.v1.CheckpointRequest", { mode: "FAST" }),
    /mode must be one of CHECKPOINT_MODE_UNSPECIFIED, CHECKPOINT_MODE_PASSIVE/,
  );
});

test("an answer in JSON has its defaults, its texts, its times and its maps", () => {
  const event = {
    sequence: 3,
    time: { seconds: 1_700_000_000n, nanos: 250_000_000 },
    kind: 1,
    name: "checkpoint.completed",
    message: "",
    fields: new Map([["outcome", "COMPLETE"]]),
  } as const;
  const answer = WatchEventsResponse.fromPartial({ event });
  assert.deepEqual(answerJson(schema, adminMethods.watchEvents, answer), {
    event: {
      sequence: "3",
      time: "2023-11-14T22:13:20.250Z",
      kind: "ENGINE_EVENT_KIND_CHECKPOINT",
      name: "checkpoint.completed",
      message: "",
      fields: { outcome: "COMPLETE" },
    },
  });
});

test("bytes that are UTF-8 have their text beside them, others do not", () => {
  const kv = { key: Buffer.from("é"), value: Uint8Array.of(0xff) };
  const json = answerJson(schema, kvMethods.get, {
    header: undefined,
    kv: {
      ...kv,
      createRevision: 1n,
      modRevision: 2n,
      version: 3n,
      expireTime: undefined,
      leaseId: 0n,
    },
  });
  const shown = json["kv"] as Record<string, unknown>;
  assert.deepEqual([shown["key"], shown["keyText"]], ["w6k=", "é"]);
  assert.deepEqual([shown["value"], shown["valueText"]], ["/w==", undefined]);
  assert.equal(shown["modRevision"], "2");
});

test("what is written as JSON is read back as the same message", () => {
  const bytes = fc.uint8Array({ maxLength: 20 });
  const request = fc.record({
    namespace: fc.string({ maxLength: 8 }),
    pageSize: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    reverse: fc.boolean(),
    pageToken: fc.string(),
    range: bytes.map((prefix) => ({ range: { $case: "prefix", value: prefix } as const })),
    revision: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
  });
  fc.assert(
    fc.property(request, ({ revision, ...rest }) => {
      const partial = { ...rest, ...(revision !== undefined && { revision }) };
      const message = ListRequest.fromPartial(partial);
      const encoded = Buffer.from(ListRequest.encode(message).finish());
      const json = jsonFromMessage(schema, "kvdb.v1.ListRequest", encoded);
      const again = messageFromJson(
        schema,
        "kvdb.v1.ListRequest",
        JSON.parse(JSON.stringify(json)),
      );
      assert.deepEqual(ListRequest.decode(again), ListRequest.decode(encoded));
    }),
  );
});

test("durations and moments read back from their text", () => {
  const nanos = fc.integer({ min: 0, max: 999_999_999 });
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 11n }),
      nanos,
      fc.boolean(),
      (seconds, part, less) => {
        const sign = less ? -1 : 1;
        const duration = { seconds: BigInt(sign) * seconds, nanos: sign * part };
        const read = durationFromText(durationText(duration));
        // There is one zero in bigint, and two in numbers.
        assert.deepEqual(read && { ...read, nanos: read.nanos + 0 }, {
          ...duration,
          nanos: duration.nanos + 0,
        });
      },
    ),
  );
  const moment = { seconds: 1_700_000_000n, nanos: 1_000_000 };
  assert.deepEqual(timestampFromText(timestampText(moment)), moment);
  for (const text of ["", "1", "1.s", "s", "1m", "1.0000000001s"]) {
    assert.equal(durationFromText(text), undefined, text);
  }
  for (const text of ["2024-01-31", "2024-01-31T12:00:00", "2024-13-31T12:00:00Z", "now"]) {
    assert.equal(timestampFromText(text), undefined, text);
  }
});

test("base64 is read with either alphabet and with or without padding, and nothing else is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).toString("base64");
      for (const form of [
        text,
        text.replace(/=+$/, ""),
        Buffer.from(bytes).toString("base64url"),
      ]) {
        assert.deepEqual(bytesFromBase64(form), Buffer.from(bytes));
      }
    }),
  );
  for (const text of ["a", "aGk*", "aGk= ", "hello world"]) {
    assert.equal(bytesFromBase64(text), undefined, text);
  }
});

const names = [
  { name: "kvdb.v1.KvService/Get", found: ["kvdb.v1.KvService/Get"] },
  { name: "/kvdb.v1.KvService/Get", found: ["kvdb.v1.KvService/Get"] },
  { name: "KvService/Get", found: ["kvdb.v1.KvService/Get"] },
  { name: "GetStatus", found: ["kvdb.v1.AdminService/GetStatus"] },
  { name: "Watch", found: ["grpc.health.v1.Health/Watch", "kvdb.v1.KvService/Watch"] },
  { name: "Service/Get", found: [] },
  { name: "et", found: [] },
];

for (const { name, found } of names) {
  test(`the name ${name} means ${found.length === 0 ? "no method" : found.join(" and ")}`, () => {
    assert.deepEqual(
      schema.methodsNamed(name).map((method) => method.name),
      found,
    );
  });
}

test("a method knows its messages and its streams", () => {
  const [scan] = schema.methodsNamed("KvService/Scan");
  assert.deepEqual(scan, {
    name: "kvdb.v1.KvService/Scan",
    path: "/kvdb.v1.KvService/Scan",
    requestStream: false,
    responseStream: true,
    requestType: "kvdb.v1.ScanRequest",
    responseType: "kvdb.v1.ScanResponse",
  });
});
