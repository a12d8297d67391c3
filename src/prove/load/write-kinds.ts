/** The writes of the load: each kind of request that changes something, on a few keys. */
import { CompareRelation, type KvClient, type ResponseHeader } from "../../client/index.js";
import type { Random } from "../../foundation/random.js";

export interface Write {
  /** Resolves with the header of the answer. May be called again. */
  readonly send: (client: KvClient) => Promise<ResponseHeader | undefined>;
  /** It surely leaves a value that begins with its request id. */
  readonly leavesItsId: boolean;
  /** How much it adds to all counters together. */
  readonly increments: number;
}

export interface WriteSpec {
  readonly namespace: string;
  readonly requestId: string;
  readonly random: Random;
}

const keysPerNamespace = 48;
const counters = 4;
/** Where the counters are. */
export const counterPrefix = "counter/";
const valueBytesMax = 900;
const batchKeysMax = 6;
const rangeKeysMax = 4;
const ttlMsMax = 700;

interface WeightedKind {
  readonly weight: number;
  readonly make: (spec: WriteSpec) => Write;
}

const kinds: readonly WeightedKind[] = [
  { weight: 8, make: put },
  { weight: 2, make: putForAWhile },
  { weight: 3, make: batch },
  { weight: 3, make: txn },
  { weight: 2, make: remove },
  { weight: 1, make: removeRange },
  { weight: 2, make: increment },
];

export function makeWrite(spec: WriteSpec): Write {
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  let left = spec.random.below(total);
  const kind = kinds.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
  return (kind?.make ?? put)(spec);
}

function keyFrom(random: Random): Uint8Array {
  return keyAt(random.below(keysPerNamespace));
}

function keyAt(place: number): Uint8Array {
  return text(`key/${String(place).padStart(2, "0")}`);
}

function valueFrom(random: Random, requestId: string): Uint8Array {
  const noise = random.bytes(random.below(valueBytesMax));
  return new Uint8Array(Buffer.concat([text(`${requestId} `), noise]));
}

function text(of: string): Uint8Array {
  return new Uint8Array(Buffer.from(of));
}

function put({ namespace, requestId, random }: WriteSpec): Write {
  const request = {
    namespace,
    requestId,
    key: keyFrom(random),
    value: valueFrom(random, requestId),
  };
  return leavingItsId(async (client) => (await client.kv.put(request)).header);
}

function putForAWhile({ namespace, requestId, random }: WriteSpec): Write {
  const ttl = { seconds: 0n, nanos: (1 + random.below(ttlMsMax)) * 1_000_000 };
  const expiry = { $case: "ttl", value: ttl } as const;
  const key = text(`short/${String(random.below(keysPerNamespace))}`);
  const request = { namespace, requestId, key, value: valueFrom(random, requestId), expiry };
  return leavingItsId(async (client) => (await client.kv.put(request)).header);
}

function batch({ namespace, requestId, random }: WriteSpec): Write {
  const ops = Array.from({ length: 2 + random.below(batchKeysMax - 1) }, () => {
    const value = { key: keyFrom(random), value: valueFrom(random, requestId) };
    return { operation: { $case: "put", value } as const };
  });
  return leavingItsId(async (client) => {
    return (await client.kv.batchWrite({ namespace, requestId, ops })).header;
  });
}

/** Moves a value and counts the move, or notes that there was none. */
function txn({ namespace, requestId, random }: WriteSpec): Write {
  const key = keyFrom(random);
  const value = { key: keyFrom(random), value: valueFrom(random, requestId) };
  const counter = { key: counterFrom(random), delta: 1n };
  const success = [
    { operation: { $case: "delete", value: { key } } as const },
    { operation: { $case: "put", value } as const },
    { operation: { $case: "increment", value: counter } as const },
  ];
  const failure = [{ operation: { $case: "increment", value: counter } as const }];
  const compares = [
    {
      span: { $case: "key", value: key } as const,
      relation: CompareRelation.COMPARE_RELATION_NOT_EQUAL,
      operand: { $case: "version", value: 0n } as const,
    },
  ];
  const request = { namespace, requestId, compares, success, failure };
  const send: Write["send"] = async (client) => (await client.kv.txn(request)).header;
  return { send, leavesItsId: false, increments: 1 };
}

function remove({ namespace, requestId, random }: WriteSpec): Write {
  const request = { namespace, requestId, key: keyFrom(random) };
  const send: Write["send"] = async (client) => (await client.kv.delete(request)).header;
  return { send, leavesItsId: false, increments: 0 };
}

function removeRange({ namespace, requestId, random }: WriteSpec): Write {
  const first = random.below(keysPerNamespace);
  const value = { start: keyAt(first), end: keyAt(first + 1 + random.below(rangeKeysMax)) };
  const range = { range: { $case: "interval", value } as const };
  const send: Write["send"] = async (client) => {
    return (await client.kv.deleteRange({ namespace, requestId, range })).header;
  };
  return { send, leavesItsId: false, increments: 0 };
}

function increment({ namespace, requestId, random }: WriteSpec): Write {
  const request = { namespace, requestId, key: counterFrom(random), delta: 1n };
  const send: Write["send"] = async (client) => (await client.kv.increment(request)).header;
  return { send, leavesItsId: false, increments: 1 };
}

function leavingItsId(send: Write["send"]): Write {
  return { send, leavesItsId: true, increments: 0 };
}

function counterFrom(random: Random): Uint8Array {
  return text(`${counterPrefix}${String(random.below(counters))}`);
}
