/**
 * Ten clients, each with a connection of its own, raise one number a thousand times each. However
 * they do it, none of the ten thousand may be lost or counted twice: each client notes what it made
 * of the number, and together these must be the numbers from 1 to 10,000, each once.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Random, seededRandom } from "../../src/foundation/random.js";
import {
  Compare,
  CompareRelation,
  type GetResponse,
  Operation,
} from "../../src/wire/kvdb/v1/kv.js";
import { bytes, ContractClient, readRefusal, text } from "../contract/client.js";
import { daemonRunner } from "../contract/daemon-runner.js";
import { seedFor } from "../support/seed.js";
import { pause } from "../support/wait.js";

const clients = 10;
const roundsEach = 1_000;
/** Who lost a race waits, longer each time, or ten clients would mostly be in each other's way. */
const pauseMsMin = 16;
const pauseMsMax = 512;

interface Caller {
  readonly client: ContractClient;
  readonly namespace: string;
  readonly random: Random;
  /** The number as this caller has seen it last. */
  known: number;
}

/** Raises the number by one, however often it must try; what it made of it, and the tries. */
type Raise = (caller: Caller) => Promise<{ readonly made: number; readonly tries: number }>;

const key = bytes("counter");

const raises = {
  "a put on the revision that was read": async ({ client, namespace, random }) => {
    for (let tries = 1; ; tries++) {
      const read: GetResponse = await client.get({ namespace, key });
      const made = numberIn(read.kv?.value) + 1;
      const condition = {
        condition:
          read.kv === undefined
            ? ({ $case: "ifAbsent", value: true } as const)
            : ({ $case: "ifModRevision", value: read.kv.modRevision } as const),
      };
      try {
        await client.put({ namespace, key, value: bytes(String(made)), condition });
        return { made, tries };
      } catch (error) {
        const { reason } = readRefusal(error);
        assert.ok(reason === "CONDITION_FAILED" || reason === "KEY_EXISTS", reason);
        await pause(pauseMs(tries, random));
      }
    }
  },

  "a transaction that compares the value": async (caller) => {
    const { client, namespace, random } = caller;
    for (let tries = 1; ; tries++) {
      const made = caller.known + 1;
      const { succeeded, responses } = await client.txn({
        namespace,
        compares: [holds(caller.known)],
        success: [put(String(made))],
        failure: [Operation.fromPartial({ operation: { $case: "get", value: { key } } })],
      });
      if (succeeded) {
        caller.known = made;
        return { made, tries };
      }
      const found = responses[0]?.result;
      assert.ok(found?.$case === "get");
      caller.known = numberIn(found.value.kv?.value);
      if (tries > 1) await pause(pauseMs(tries, random));
    }
  },

  "an increment": async ({ client, namespace }) => {
    const { value } = await client.increment({ namespace, key, delta: 1n });
    return { made: Number(value), tries: 1 };
  },
} as const satisfies Record<string, Raise>;

for (const [name, raise] of Object.entries(raises)) {
  test(`ten clients of a thousand rounds each lose none by ${name}`, async (t) => {
    await raceOn(t, name.replaceAll(" ", "-"), raise);
  });
}

async function raceOn(t: TestContext, namespace: string, raise: Raise): Promise<void> {
  const { random } = seedFor(t);
  const { client, address } = await daemonRunner.start(t);
  let tries = 0;
  const made: number[] = [];
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const own = new ContractClient(t, address);
      const caller = { client: own, namespace, random: seededRandom(random.uint32()), known: 0 };
      for (let round = 0; round < roundsEach; round++) {
        const raised = await raise(caller);
        made.push(raised.made);
        tries += raised.tries;
      }
    }),
  );
  const total = clients * roundsEach;
  t.diagnostic(`${String(total)} rounds took ${String(tries)} tries`);
  const { kv, header } = await client.get({ namespace, key });
  assert.equal(text(kv?.value), String(total));
  // A try that failed took no revision and no version.
  assert.deepEqual([kv?.version, header?.revision], [BigInt(total), BigInt(total)]);
  assert.deepEqual(
    made.sort((a, b) => a - b),
    Array.from({ length: total }, (_none, at) => at + 1),
  );
}

/** A key that is absent counts as zero, as for Increment. */
function holds(known: number): Compare {
  const span = { $case: "key", value: key } as const;
  const relation = CompareRelation.COMPARE_RELATION_EQUAL;
  return known === 0
    ? Compare.fromPartial({ span, relation, operand: { $case: "version", value: 0n } })
    : Compare.fromPartial({
        span,
        relation,
        operand: { $case: "value", value: bytes(String(known)) },
      });
}

function put(value: string): Operation {
  return Operation.fromPartial({
    operation: { $case: "put", value: { key, value: bytes(value) } },
  });
}

function pauseMs(tries: number, random: Random): number {
  return random.below(Math.min(pauseMsMin * 2 ** tries, pauseMsMax));
}

function numberIn(value: Uint8Array | undefined): number {
  return Number(text(value) ?? "0");
}
