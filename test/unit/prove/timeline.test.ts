/** The judge of a start: what it must find, may find, and must not find. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NamespaceHistory } from "../../../src/prove/history/namespace-history.js";
import { type FoundNamespace, type Story, Timeline } from "../../../src/prove/history/timeline.js";

const name = "n";
const key = bytes("k");
const other = bytes("other");

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** Three puts of one key; the third was never acknowledged. */
const story: Story = {
  histories: [
    {
      until: undefined,
      namespaces: [
        new NamespaceHistory(name, [
          { revision: 1, key, value: bytes("one") },
          { revision: 2, key, value: bytes("two") },
          { revision: 3, key, value: bytes("three") },
        ]),
      ],
    },
  ],
  acknowledgements: [
    { at: 10, namespace: name, revision: 1 },
    { at: 20, namespace: name, revision: 2 },
  ],
  deletions: [],
};

function found(head: number, value: string, modRevision = head, of = key): FoundNamespace {
  const entries = [{ key: of, value: bytes(value), modRevision: BigInt(modRevision) }];
  return { name, head: BigInt(head), entries };
}

const judgements: readonly {
  readonly what: string;
  readonly at: number;
  readonly found: readonly FoundNamespace[];
  readonly wrong: RegExp | undefined;
}[] = [
  { what: "nothing, before the first answer", at: 5, found: [], wrong: undefined },
  { what: "nothing, after an answer", at: 10, found: [], wrong: /n is missing/ },
  { what: "what was acknowledged", at: 20, found: [found(2, "two")], wrong: undefined },
  { what: "one revision less", at: 20, found: [found(1, "one")], wrong: /ends at revision 1/ },
  { what: "a write without an answer", at: 20, found: [found(3, "three")], wrong: undefined },
  { what: "a revision nobody was given", at: 20, found: [found(4, "x")], wrong: /only 3 were/ },
  { what: "another value", at: 20, found: [found(2, "six")], wrong: /another value/ },
  {
    what: "an older row",
    at: 20,
    found: [found(2, "one", 1)],
    wrong: /of revision 1 instead of 2/,
  },
  { what: "another key", at: 20, found: [found(2, "two", 2, other)], wrong: /should not be there/ },
  {
    what: "a key too few",
    at: 20,
    found: [{ name, head: 2n, entries: [] }],
    wrong: /holds 0 keys instead of 1/,
  },
  {
    what: "a namespace nobody made",
    at: 20,
    found: [found(2, "two"), { name: "strange", head: 1n, entries: [] }],
    wrong: /a namespace strange/,
  },
];

for (const { what, at, found: namespaces, wrong } of judgements) {
  test(`a start that finds ${what} is ${wrong === undefined ? "right" : "wrong"}`, () => {
    const timeline = new Timeline(story);
    timeline.moveTo(at);
    const judged = timeline.judge(namespaces);
    if (wrong === undefined) assert.equal(judged, undefined);
    else assert.match(judged ?? "nothing was said", wrong);
  });
}
