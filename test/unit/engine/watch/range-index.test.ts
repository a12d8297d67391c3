/** The tree of ranges finds exactly what asking each range would find. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { within } from "../../../../src/engine/watch/interest.js";
import { type Ranged, RangeIndex } from "../../../../src/engine/watch/range-index.js";

/** Few letters and short, so that ranges touch, nest and share their ends. */
const text = fc.uint8Array({ max: 3, maxLength: 3 });
const range = fc.record({ start: text, end: fc.option(text, { nil: undefined }) });

function found<Item extends Ranged>(index: RangeIndex<Item>, key: Uint8Array): Set<Item> {
  const items = new Set<Item>();
  index.visit(key, (item) => {
    assert.ok(!items.has(item), "a range is found once");
    items.add(item);
  });
  return items;
}

test("a key finds every range that holds it and no other, whatever was added and taken out", () => {
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 40 }),
      fc.array(fc.nat(60), { maxLength: 20 }),
      fc.array(text, { minLength: 1, maxLength: 10 }),
      (ranges, removals, keys) => {
        const index = new RangeIndex<Ranged>();
        const present = new Set<Ranged>();
        for (const each of ranges) {
          const item = { range: each };
          present.add(item);
          index.add(item);
        }
        for (const [step, key] of keys.entries()) {
          const gone = [...present][removals[step] ?? -1];
          if (gone !== undefined) {
            present.delete(gone);
            index.delete(gone);
          }
          const expected = [...present].filter((item) => within(key, item.range));
          assert.deepEqual(found(index, key), new Set(expected));
        }
        assert.equal(index.size, present.size);
      },
    ),
  );
});

test("a range that is not in the tree can be taken out without harm", () => {
  const index = new RangeIndex<Ranged>();
  const item = { range: { start: new Uint8Array(0), end: undefined } };
  index.add(item);
  index.delete({ ...item });
  assert.deepEqual(found(index, new Uint8Array([1])), new Set([item]));
});
