/** How the model finds out what became of requests whose answers were lost with their store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Key, Namespace, Operation, RequestId } from "../../src/storage/model.js";
import type { Mutation } from "./calls.js";
import { History } from "./history.js";
import { resolveCall } from "./resolve.js";
import { ServedHere } from "./served-here.js";
import { WirePort } from "./wire-port.js";

const namespace = "lost" as Namespace;
const [held, wanted, missing] = [0x61, 0x62, 0x63].map((byte) => Uint8Array.of(byte) as Key) as [
  Key,
  Key,
  Key,
];

function put(key: Key): Operation {
  const value = Uint8Array.of(1);
  return { kind: "put", key, value, expiry: { kind: "never" }, returnPrevious: false };
}

function deletion(key: Key): Operation {
  return { kind: "delete", span: { kind: "key", key }, returnPrevious: false };
}

function request(operation: Operation, id?: string): Mutation {
  const body = { compares: [], success: [operation], failure: [] };
  const requestId = id as RequestId | undefined;
  return { rpc: "BatchWrite", namespace, requestId, condition: undefined, body };
}

test("a request that was refused and goes through on its retry does not hide what was remembered", async (t) => {
  const port = await WirePort.open(await ServedHere.open(t));
  const history = new History(port);
  await history.call({ rpc: "CreateNamespace", namespace, settings: { quotaKeys: 1 } });
  await history.call(request(put(held)));

  const refusedForRoom = request(put(wanted), "id-1");
  const makesRoom = request(deletion(held));
  const hasNothingToDo = request(deletion(missing), "id-2");
  const entries = [refusedForRoom, makesRoom, hasNothingToDo];
  for (const entry of entries) await port.perform(entry, 0n);

  const call = { rpc: "Pipeline", entries: entries.map((entry) => [entry]) } as const;
  await resolveCall(history, { call, answers: [] });

  assert.equal(history.operations, 4, "both that have an id were asked again");
  assert.equal(await port.head(namespace), 3n, "put, deletion and the put that found room");
});
