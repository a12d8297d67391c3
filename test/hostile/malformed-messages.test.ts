/**
 * A million broken messages for every method there is: decoding one never throws, and what can be
 * decoded is answered or refused with a status that names its reason. None is a bug of ours.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../src/foundation/random.js";
import { malformedMessage, StatusError } from "../../src/rpc/call.js";
import { Readiness } from "../../src/rpc/readiness.js";
import { type DispatchRow, dispatchTable } from "../../src/transport/grpc-js/dispatch-table.js";
import { seedFor } from "../support/seed.js";
import { serviceTableOver } from "../support/service-table.js";
import { TempEngine } from "../support/temp-engine.js";
import { transportCall } from "../support/transport-call.js";
import { brokenMessage } from "./broken-bytes.js";

const messages = 1_000_000;
/** One decodable message in so many is handed to its handler: each may cost a sync of the disk. */
const servedEvery = 200;
/** What a handler of these does costs a process or stops the service; their requests are decoded. */
const notServed = "/kvdb.v1.AdminService/";

test("a million broken messages are decoded or refused, and none is a bug", async (t) => {
  const { random } = seedFor(t);
  const temp = await TempEngine.open(t);
  const rows = rowsOver(temp, random);
  const counts = { malformed: 0, decoded: 0, answered: 0 };
  const refused = new Map<string, number>();
  for (let done = 0; done < messages; done++) {
    const row = rows[random.below(rows.length)];
    assert.ok(row !== undefined);
    const { message } = row.codec.decode(Buffer.from(brokenMessage(random)));
    if (message === malformedMessage) {
      counts.malformed++;
      continue;
    }
    counts.decoded++;
    const { method } = row;
    if (method.shape !== "unary" || method.path.startsWith(notServed)) continue;
    if (counts.decoded % servedEvery !== 0) continue;
    try {
      row.codec.encode(await method.serve(message, transportCall({ path: method.path })));
      counts.answered++;
    } catch (error) {
      assert.ok(error instanceof StatusError, `${method.path}: ${String(error)}`);
      refused.set(error.reason, (refused.get(error.reason) ?? 0) + 1);
    }
  }
  const reasons = [...refused].map(([reason, count]) => `${reason} ${String(count)}`).join(", ");
  t.diagnostic(`${JSON.stringify(counts)}; refused: ${reasons}`);
  assert.equal(refused.get("BUG"), undefined, JSON.stringify(temp.log.of("rpc.handler-failed")));
  // The sieve is worth something only when both kinds come through it.
  assert.ok(counts.malformed > messages / 10 && counts.decoded > messages / 10);
  assert.ok(counts.answered > 0 && refused.size > 3);
});

function rowsOver(temp: TempEngine, random: Random): readonly DispatchRow[] {
  const readiness = new Readiness();
  readiness.set("serving", "");
  const { log, metrics } = temp;
  const ports = { engine: () => temp.engine, readiness, random, log, metrics };
  return dispatchTable(serviceTableOver(ports).methods);
}
