/** Pages of the log: how many at once, what becomes of a lost one, and what a page must be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogPage } from "../../../../src/engine/log/log-reader.js";
import { encodeBatches } from "../../../../src/engine/record/entry-codec.js";
import { LogPages } from "../../../../src/engine/watch/log-pages.js";
import { ThreadExitError } from "../../../../src/foundation/thread-link.js";
import { watchPagesInFlightMax, watchPageTriesMax } from "../../../../src/storage/limits.js";
import type { Namespace, Revision } from "../../../../src/storage/model.js";
import { kindOf } from "../../../support/temp-engine.js";

const namespace = "test" as Namespace;

/** A page of one entry that says it spans first..last and holds these revisions. */
function page(first: bigint, revisions: readonly bigint[]): LogPage {
  const payloads = encodeBatches(
    revisions.map((revision) => ({
      revision: revision as Revision,
      principal: undefined,
      request: undefined,
      changes: [],
    })),
  );
  const last = first + BigInt(revisions.length) - 1n;
  const span = { first: first as Revision, last: last as Revision, bytes: payloads.length };
  return { kind: "entries", entries: [span], payloads };
}

test("a page begins at the revision asked for, in the middle of an entry if need be", async () => {
  const pages = new LogPages(() => Promise.resolve(page(5n, [5n, 6n, 7n])));
  const found = await pages.read(namespace, 6n as Revision);
  assert.ok(found.kind === "batches");
  assert.deepEqual(
    found.batches.map(({ revision }) => revision),
    [6n, 7n],
  );
  assert.equal(found.last, 7n);
});

const wrong: readonly { readonly when: string; readonly given: LogPage }[] = [
  { when: "has a hole", given: page(5n, [5n, 7n]) },
  { when: "begins too late", given: page(6n, [6n]) },
  { when: "ends too early", given: page(4n, [4n]) },
  {
    when: "is not an entry at all",
    given: {
      kind: "entries",
      entries: [{ first: 5n as Revision, last: 5n as Revision, bytes: 1 }],
      payloads: new Uint8Array([255]),
    },
  },
];

for (const { when, given } of wrong) {
  test(`a page that ${when} is refused as corrupt`, async () => {
    const pages = new LogPages(() => Promise.resolve(given));
    const error = await pages.read(namespace, 5n as Revision).catch((cause: unknown) => cause);
    assert.equal(kindOf(error), "corrupt");
  });
}

test("only so many pages are read at once, and the others follow in order", async () => {
  const answers: (() => void)[] = [];
  let asked = 0;
  const pages = new LogPages(({ from }) => {
    asked++;
    return new Promise((resolve) => {
      answers.push(() => {
        resolve(page(from, [from]));
      });
    });
  });
  const done: bigint[] = [];
  const reads = Array.from({ length: watchPagesInFlightMax + 3 }, async (_none, at) => {
    const found = await pages.read(namespace, BigInt(at + 1) as Revision);
    if (found.kind === "batches") done.push(found.last);
  });
  for (let count = 0; count < reads.length; count++) {
    await new Promise(setImmediate);
    assert.equal(asked, Math.min(reads.length, watchPagesInFlightMax + count));
    answers[count]?.();
  }
  await Promise.all(reads);
  assert.deepEqual(
    done,
    reads.map((_read, at) => BigInt(at + 1)),
  );
});

test("a page that was lost with its thread is asked for again, but not for ever", async () => {
  let asked = 0;
  const lose = (times: number): LogPages =>
    new LogPages(({ from }) => {
      asked++;
      return asked <= times
        ? Promise.reject(new ThreadExitError("the thread has ended"))
        : Promise.resolve(page(from, [from]));
    });
  const found = await lose(watchPageTriesMax - 1).read(namespace, 1n as Revision);
  assert.equal(found.kind, "batches");
  asked = 0;
  const error = await lose(watchPageTriesMax)
    .read(namespace, 1n as Revision)
    .catch((cause: unknown) => cause);
  assert.equal(kindOf(error), "not-ready");
  assert.equal(asked, watchPageTriesMax);
});
