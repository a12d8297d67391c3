/** Random values of the domain, for properties: legal by type and bounds, and likely to meet. */
import fc from "fast-check";
import type { Change, ChangeBatch, ChangeCause } from "../../src/storage/log-entry.js";
import type {
  Compare,
  Entry,
  Expiry,
  Key,
  KeyRange,
  Lease,
  LeaseId,
  Namespace,
  Operation,
  OperationResult,
  RequestId,
  Revision,
  Span,
  TxnBody,
  TxnRequest,
  TxnResult,
} from "../../src/storage/model.js";

/** A record as our own code makes them: with the usual prototype. */
export function recordOf<Fields>(
  fields: {
    [Name in keyof Fields]: fc.Arbitrary<Fields[Name]>;
  },
): fc.Arbitrary<Fields> {
  return fc.record(fields, { noNullPrototype: true });
}

const uint64Max = 2n ** 64n - 1n;
const int64Max = 2n ** 63n - 1n;
const millisecondsMax = 2 ** 48;

export const anyUint64: fc.Arbitrary<bigint> = fc.bigInt({ min: 0n, max: uint64Max });
export const anyInt64: fc.Arbitrary<bigint> = fc.bigInt({ min: -int64Max - 1n, max: int64Max });
const anyRevision = anyUint64 as fc.Arbitrary<Revision>;
const anyMilliseconds = fc.integer({ min: 0, max: millisecondsMax });
/** Every text that UTF-8 can carry, a leading U+FEFF among them. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 5 }).map((text) => `\uFEFF${text}`),
);

/** Any bytes, longer than a one-byte length now and then. */
const anyBytes = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 120, maxLength: 300 }) },
);
export const anyKey = fc.uint8Array({ minLength: 1, maxLength: 24 }) as fc.Arbitrary<Key>;
const anyLeaseId = fc.bigInt({ min: 1n, max: int64Max }) as fc.Arbitrary<LeaseId>;

/** Over few bytes, so that random keys meet, contain each other and lie at both ends of the order. */
export const closeKey: fc.Arbitrary<Key> = fc
  .array(fc.constantFrom(0x00, 0x61, 0x62, 0xff), { minLength: 1, maxLength: 2 })
  .map((bytes) => Uint8Array.from(bytes) as Key);
const closeBytes = fc
  .array(fc.constantFrom(0x00, 0x61, 0x62, 0xff), { maxLength: 3 })
  .map((bytes) => Uint8Array.from(bytes));

export interface Domain {
  readonly key: fc.Arbitrary<Key>;
  readonly bound: fc.Arbitrary<Uint8Array>;
  readonly value: fc.Arbitrary<Uint8Array>;
  readonly number: fc.Arbitrary<bigint>;
  readonly expiry: fc.Arbitrary<Expiry>;
}

/** Anything that a codec must carry. */
export const wide: Domain = {
  key: anyKey,
  bound: anyBytes,
  value: anyBytes,
  number: anyInt64,
  expiry: fc.oneof(
    fc.constant<Expiry>({ kind: "never" }),
    anyMilliseconds.map((atMs): Expiry => ({ kind: "at", atMs })),
    anyMilliseconds.map((ttlMs): Expiry => ({ kind: "after", ttlMs })),
    anyLeaseId.map((leaseId): Expiry => ({ kind: "lease", leaseId })),
  ),
};

const decimals = ["0", "7", "-3", "9223372036854775807", "-9223372036854775808"];

/** Few keys, few values, many of them numbers: what a model is compared over. */
export const narrow: Domain = {
  key: closeKey,
  bound: closeBytes,
  value: fc.oneof(
    closeBytes,
    fc.constantFrom(...decimals).map((text) => new TextEncoder().encode(text)),
  ),
  number: fc.oneof(
    fc.bigInt({ min: -3n, max: 3n }),
    fc.constantFrom(int64Max, -int64Max - 1n, int64Max - 1n),
  ),
  expiry: fc.constant<Expiry>({ kind: "never" }),
};

export function keyRange(of: Domain): fc.Arbitrary<KeyRange> {
  return recordOf({ start: of.bound, end: fc.option(of.bound, { nil: undefined }) });
}

function span(of: Domain): fc.Arbitrary<Span> {
  return fc.oneof(
    of.key.map((key): Span => ({ kind: "key", key })),
    keyRange(of).map((range): Span => ({ kind: "range", range })),
  );
}

export function compare(of: Domain): fc.Arbitrary<Compare> {
  const revision = fc.oneof(fc.bigInt({ min: 0n, max: 4n }), anyUint64);
  const operand: fc.Arbitrary<Compare["operand"]> = fc.oneof(
    recordOf({
      of: fc.constantFrom("version", "create-revision", "mod-revision"),
      value: revision,
    }),
    recordOf({ of: fc.constant("value"), value: of.value }),
    recordOf({ of: fc.constant("lease"), value: revision }),
  );
  const relation = fc.constantFrom<Compare["relation"]>("equal", "not-equal", "less", "greater");
  return recordOf({ span: span(of), relation, operand });
}

/** The operations of a client's transaction, nested ones included. */
function clientOperation(of: Domain, body: fc.Arbitrary<TxnBody>): fc.Arbitrary<Operation> {
  const { key, value, expiry, number: delta } = of;
  const flag = fc.boolean();
  return fc.oneof(
    { weight: 2, arbitrary: key.map((key): Operation => ({ kind: "get", key })) },
    {
      weight: 5,
      arbitrary: recordOf({ kind: fc.constant("put"), key, value, expiry, returnPrevious: flag }),
    },
    {
      weight: 3,
      arbitrary: recordOf({ kind: fc.constant("delete"), span: span(of), returnPrevious: flag }),
    },
    {
      weight: 2,
      arbitrary: recordOf({ kind: fc.constant("rename"), from: key, to: key, overwrite: flag }),
    },
    {
      weight: 2,
      arbitrary: recordOf({ kind: fc.constant("increment"), key, delta, initial: delta }),
    },
    { weight: 1, arbitrary: body.map((body): Operation => ({ kind: "txn", body })) },
  );
}

export function txnBody(
  of: Domain,
  shape: { readonly depth: number; readonly operations: number } = { depth: 2, operations: 5 },
): fc.Arbitrary<TxnBody> {
  const inner =
    shape.depth === 0
      ? fc.constant<TxnBody>({ compares: [], success: [], failure: [] })
      : txnBody(of, { depth: shape.depth - 1, operations: 2 });
  const operations = fc.array(clientOperation(of, inner), { maxLength: shape.operations });
  return recordOf({
    compares: fc.array(compare(of), { maxLength: 2 }),
    success: operations,
    failure: operations,
  });
}

const leaseOperation: fc.Arbitrary<Operation> = fc.oneof(
  recordOf({
    kind: fc.constant("lease-grant"),
    leaseId: fc.option(anyLeaseId, { nil: undefined }),
    ttlMs: anyMilliseconds,
  }),
  recordOf({
    kind: fc.constantFrom("lease-keep-alive", "lease-revoke", "expire-lease"),
    leaseId: anyLeaseId,
  }),
  recordOf({ kind: fc.constant("expire-keys"), keys: fc.array(anyKey, { maxLength: 3 }) }),
);

export const anyRequest: fc.Arbitrary<TxnRequest> = recordOf({
  namespace: fc.stringMatching(/^[a-z0-9_-]{1,63}$/) as fc.Arbitrary<Namespace>,
  principal: fc.option(anyText, { nil: undefined }),
  requestId: fc.option(anyText as fc.Arbitrary<RequestId>, { nil: undefined }),
  body: fc.oneof(
    { weight: 4, arbitrary: txnBody(wide) },
    {
      weight: 1,
      arbitrary: fc
        .array(leaseOperation, { maxLength: 3 })
        .map((success) => ({ compares: [], success, failure: [] })),
    },
  ),
});

const lifetime = {
  expiresAtMs: fc.option(anyMilliseconds, { nil: undefined }),
  leaseId: fc.option(anyLeaseId, { nil: undefined }),
};

export const anyEntry: fc.Arbitrary<Entry> = recordOf({
  key: anyKey,
  value: anyBytes,
  createRevision: anyRevision,
  modRevision: anyRevision,
  version: anyUint64,
  ...lifetime,
});

const anyLease: fc.Arbitrary<Lease> = recordOf({
  leaseId: anyLeaseId,
  ttlMs: anyMilliseconds,
  deadlineMs: anyMilliseconds,
});
const anyCount = fc.integer({ min: 0, max: 2 ** 32 - 1 });

export const anyResult: fc.Arbitrary<TxnResult> = fc.letrec<{
  result: TxnResult;
  response: OperationResult;
}>((tie) => ({
  response: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    recordOf({ kind: fc.constant("got"), entry: fc.option(anyEntry, { nil: undefined }) }),
    recordOf({
      kind: fc.constant("put"),
      version: anyUint64,
      previous: fc.option(anyEntry, { nil: undefined }),
    }),
    recordOf({
      kind: fc.constant("deleted"),
      count: anyCount,
      previous: fc.option(anyEntry, { nil: undefined }),
    }),
    recordOf({ kind: fc.constant("renamed"), entry: fc.option(anyEntry, { nil: undefined }) }),
    recordOf({ kind: fc.constant("incremented"), value: anyInt64 }),
    recordOf({ kind: fc.constant("lease"), lease: fc.option(anyLease, { nil: undefined }) }),
    recordOf({ kind: fc.constant("expired"), count: anyCount }),
    recordOf({ kind: fc.constant("txn"), result: tie("result") }),
  ),
  result: recordOf({
    succeeded: fc.boolean(),
    replayed: fc.boolean(),
    failedCompares: fc.array(anyCount, { maxLength: 3 }),
    responses: fc.array(tie("response"), { maxLength: 3 }),
  }),
})).result;

const causes: readonly ChangeCause[] = ["client", "expired", "lease-revoked", "lease-expired"];

const changeFields = {
  key: anyKey,
  value: fc.option(anyBytes, { nil: null }),
  createRevision: anyRevision,
  version: anyUint64,
  ...lifetime,
  cause: fc.constantFrom(...causes),
};
const anyChange: fc.Arbitrary<Change> = fc.oneof(
  recordOf(changeFields),
  recordOf({ ...changeFields, takesOver: fc.constant(true) }),
);

export const anyBatch: fc.Arbitrary<ChangeBatch> = recordOf({
  revision: anyRevision,
  principal: fc.option(anyText, { nil: undefined }),
  request: fc.option(
    recordOf({ id: anyText as fc.Arbitrary<RequestId>, digest: anyBytes, answer: anyBytes }),
    { nil: undefined },
  ),
  changes: fc.array(anyChange, { maxLength: 4 }),
});
