/** Every column of a row is under its checksum: change one, and the checksum is another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { entryChecksum } from "../../../../src/engine/record/entry-codec.js";
import {
  factsChecksum,
  type RowFacts,
  rowChecksum,
} from "../../../../src/engine/record/row-checksum.js";
import type { Epoch, Revision } from "../../../../src/storage/model.js";

const ns = 1;
const row: RowFacts = {
  key: Uint8Array.of(1, 2),
  createRevision: 3n,
  modRevision: 4n,
  version: 2n,
  expiresAtMs: undefined,
  leaseId: undefined,
  codec: 0,
  valueBytes: 5,
  valueCrc: 0x1234_5678,
};

const otherRows: readonly Partial<RowFacts>[] = [
  { key: Uint8Array.of(1, 3) },
  { key: Uint8Array.of(1, 2, 0) },
  { createRevision: 4n },
  { modRevision: 5n },
  { version: 3n },
  { expiresAtMs: 0 },
  { expiresAtMs: 1_700_000_000_000 },
  { leaseId: 1n },
  { leaseId: 2n ** 63n },
  { codec: 1 },
  { valueBytes: 6 },
  { valueCrc: 0x1234_5679 },
];

for (const change of otherRows) {
  const [name, value] = Object.entries(change)[0] ?? [];
  test(`a kv row whose ${String(name)} becomes ${String(value)} has another checksum`, () => {
    assert.notEqual(rowChecksum(ns, { ...row, ...change }), rowChecksum(ns, row));
  });
}

test("the checksum of a row depends on nothing but the row", () => {
  const before = rowChecksum(ns, row);
  rowChecksum(ns, { ...row, key: new Uint8Array(4_000).fill(7) });
  assert.equal(rowChecksum(ns, { ...row, key: new Uint8Array(row.key) }), before);
});

test("a row has another checksum in another namespace", () => {
  assert.notEqual(rowChecksum(ns + 1, row), rowChecksum(ns, row));
});

const entry = {
  first: 4n as Revision,
  last: 6n as Revision,
  epoch: 2n as Epoch,
  nonce: "2-9",
  timeMs: 1_700_000_000_000,
};
const payload = Uint8Array.of(1, 0);

const otherEntries: readonly (Partial<typeof entry> & { ns?: number; payload?: Uint8Array })[] = [
  { first: 5n as Revision },
  { last: 7n as Revision },
  { epoch: 3n as Epoch },
  { nonce: "2-8" },
  { timeMs: entry.timeMs + 1 },
  { ns: 2 },
  { payload: Uint8Array.of(1, 1) },
  { payload: Uint8Array.of(1) },
];

for (const change of otherEntries) {
  test(`a log row whose ${String(Object.keys(change)[0])} changes has another checksum`, () => {
    const { ns, payload: content, ...columns } = { ns: 1, payload, ...entry, ...change };
    assert.notEqual(entryChecksum(ns, columns, content), entryChecksum(1, entry, payload));
  });
}

test("facts that differ in one bit, in one place, have another checksum", () => {
  const facts = fc.tuple(
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.string({ maxLength: 8 }),
    fc.bigInt({ min: 0n, max: 2n ** 62n }),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
  );
  fc.assert(
    fc.property(facts, fc.nat({ max: 3 }), ([number, text, big, bytes], where) => {
      const flipped = new Uint8Array(bytes);
      flipped[0] = (flipped[0] ?? 0) ^ 1;
      const other = [number + 1, `${text}x`, big ^ 1n, flipped][where];
      const before = [number, text, big, bytes];
      const after = before.map((fact, index) => (index === where ? other : fact));
      assert.notEqual(factsChecksum(after), factsChecksum(before));
    }),
  );
});

test("where one fact ends and the next begins is under the checksum too", () => {
  assert.notEqual(factsChecksum(["ab", "c"]), factsChecksum(["a", "bc"]));
  assert.notEqual(
    factsChecksum([Uint8Array.of(1), Uint8Array.of(2, 3)]),
    factsChecksum([Uint8Array.of(1, 2), Uint8Array.of(3)]),
  );
});
