/**
 * The disk that power cuts are made on. What is wrong here makes the proof blind, so each rule of it
 * has a row: what a sync covers, what a name needs, what a failed sync takes away.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/foundation/random.js";
import { Disk } from "../../../src/prove/disk/disk.js";
import { contentAfterCut, patterns } from "../../../src/prove/disk/power-cut.js";
import type { Operation } from "../../../src/prove/recording/operation-log.js";

const process = 1;
const pageBytes = 4096;

/** Operations get their places in the order in which they stand. */
function diskAfter(...steps: readonly ((index: number) => Operation)[]): Disk {
  const disk = new Disk();
  for (const [index, step] of steps.entries()) disk.apply(step(index));
  return disk;
}

const created =
  (name: string) =>
  (index: number): Operation => ({ kind: "created", index, process, name });
const wrote =
  (name: string, text: string, offset = 0) =>
  (index: number): Operation => {
    return { kind: "wrote", index, process, name, offset, bytes: Buffer.from(text) };
  };
const synced =
  (name: string, beganAt?: number) =>
  (index: number): Operation => {
    const isDirectory = name === ".";
    return { kind: "synced", index, process, name, isDirectory, beganAt: beganAt ?? index };
  };
const syncFailed =
  (name: string) =>
  (index: number): Operation => {
    return { kind: "sync-failed", index, process, name, isDirectory: false, beganAt: index };
  };
const unlinked =
  (name: string) =>
  (index: number): Operation => ({ kind: "unlinked", index, process, name });
const renamed =
  (name: string, to: string) =>
  (index: number): Operation => ({ kind: "renamed", index, process, name, to });

/** What is certainly there, as text. */
function certain(disk: Disk): Record<string, string> {
  const content = contentAfterCut(disk, "nothing", seededRandom(1));
  return Object.fromEntries([...content].map(([name, bytes]) => [name, bytes.toString()]));
}

const rules: readonly { readonly rule: string; readonly disk: Disk; readonly left: object }[] = [
  {
    rule: "a file without a sync of its directory has no name",
    disk: diskAfter(created("a"), wrote("a", "one"), synced("a")),
    left: {},
  },
  {
    rule: "a name without a sync of its file has no content",
    disk: diskAfter(created("a"), wrote("a", "one"), synced(".")),
    left: { a: "" },
  },
  {
    rule: "both syncs together keep both",
    disk: diskAfter(created("a"), wrote("a", "one"), synced("a"), synced(".")),
    left: { a: "one" },
  },
  {
    rule: "a sync covers nothing that was written after it began",
    disk: diskAfter(
      created("a"),
      synced("."),
      wrote("a", "one"),
      wrote("a", "two"),
      synced("a", 2),
    ),
    left: { a: "one" },
  },
  {
    rule: "a removed name comes back until its directory is synced",
    disk: diskAfter(created("a"), wrote("a", "one"), synced("a"), synced("."), unlinked("a")),
    left: { a: "one" },
  },
  {
    rule: "a renaming that is synced takes the content along",
    disk: diskAfter(created("a"), wrote("a", "one"), synced("a"), renamed("a", "b"), synced(".")),
    left: { b: "one" },
  },
  {
    rule: "what a failed sync lost stays lost, whatever is synced afterwards",
    disk: diskAfter(
      created("a"),
      synced("."),
      wrote("a", "one"),
      syncFailed("a"),
      wrote("a", "two", pageBytes),
      synced("a"),
    ),
    left: { a: `${"\0".repeat(pageBytes)}two` },
  },
  {
    rule: "a page that is written again is kept by the next sync",
    disk: diskAfter(
      created("a"),
      synced("."),
      wrote("a", "one"),
      syncFailed("a"),
      wrote("a", "one"),
      synced("a"),
    ),
    left: { a: "one" },
  },
];

for (const { rule, disk, left } of rules) {
  test(`after a power cut: ${rule}`, () => {
    assert.deepEqual(certain(disk), left);
  });
}

test("whatever a power cut leaves of a write is a part of it, and of nothing else", () => {
  const old = "o".repeat(3 * pageBytes);
  const fresh = "n".repeat(3 * pageBytes);
  const disk = diskAfter(
    created("a"),
    wrote("a", old),
    synced("a"),
    synced("."),
    wrote("a", fresh),
  );
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    for (const pattern of patterns) {
      const bytes = contentAfterCut(disk, pattern, seededRandom(seed)).get("a");
      const text = bytes?.toString() ?? "";
      assert.equal(text.length, old.length, pattern);
      assert.match(text, /^[on]*$/, pattern);
      seen.add(text);
    }
  }
  assert.ok(seen.has(old));
  assert.ok(seen.has(fresh));
  assert.ok(seen.size > 50, `only ${String(seen.size)} contents are different`);
});
