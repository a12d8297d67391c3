/**
 * The same keys are written over and over, by a namespace that keeps little: the file must stop
 * growing. Then almost all is deleted, and Vacuum gives the room back in slices beside writers.
 *
 * What the file may take: the live rows, the log and the replaced versions that the namespace asks
 * to keep, what is written until housekeeping looks again, and the slack of half-filled pages.
 */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { ManualClock } from "../../src/foundation/clock.js";
import { housekeepingMs, vacuumPagesPerSlice } from "../../src/storage/limits.js";
import type { NamespaceSettings } from "../../src/storage/namespaces.js";
import { mebibytes } from "../support/figures.js";
import { sizeFor } from "../support/prove-setup.js";
import { okOf, putOf, TempEngine, testNamespace, wholeRange } from "../support/temp-engine.js";
import { waitFor } from "../support/wait.js";

const { roundsPerPhase } = sizeFor({ ci: { roundsPerPhase: 2 }, full: { roundsPerPhase: 20 } });
/** One at a time, each an entry of the log: more of them than housekeeping looks at in one go. */
const writesPerRound = 2_000;
const keys = 100;
const valueBytes = 2_048;
const retention = { retentionBytes: 1024 * 1024, retentionRevisions: 400, historyReads: true };
const growthMax = 1.1;
const rowsDeleted = 20_000;
const rowsPerCommit = 1_000;
const pageBytes = 4_096;

const entryBytes = valueBytes + 128;
/** Log and replaced versions, each with what one round adds before it is cut. */
const keptBytesMax = 2 * (retention.retentionBytes + writesPerRound * entryBytes);
/** Of rows a little over 2 KiB a page of 4 KiB holds one. */
const fileBytesMax = 2 * (keys * entryBytes + keptBytesMax);

test("endless overwrites leave a file of bounded size", async (t) => {
  const scene = await openScene(t, retention);
  const sizes: number[] = [];
  for (let phase = 1; phase <= 3; phase++) {
    for (let round = 0; round < roundsPerPhase; round++) await overwriteRound(scene);
    sizes.push(await fileBytes(scene));
  }
  t.diagnostic(
    `after N, 2N and 3N of ${String(roundsPerPhase * writesPerRound)} overwrites: ` +
      `${sizes.map(mebibytes).join(", ")}; bound ${mebibytes(fileBytesMax)}`,
  );
  const [, second = 0, third = 0] = sizes;
  assert.ok(third <= second * growthMax, `grew from ${String(second)} to ${String(third)}`);
  assert.ok(third <= fileBytesMax, `${String(third)} bytes, the bound is ${String(fileBytesMax)}`);
});

test("Vacuum gives back what deletes have freed, in slices, while others write", async (t) => {
  const scene = await openScene(t, { retentionRevisions: 1 });
  const { temp } = scene;
  for (let from = 0; from < rowsDeleted; from += rowsPerCommit) {
    const puts = Array.from({ length: rowsPerCommit }, (_none, at) =>
      putOf(`row/${String(from + at)}`, valueFor(at)),
    );
    okOf(await temp.commit(puts));
  }
  const span = { kind: "range", range: wholeRange.range } as const;
  okOf(await temp.commit([{ kind: "delete", span, returnPrevious: false }]));
  await keepHouse(scene);
  const before = await fileBytes(scene);

  const writer = { stopped: false, written: 0 };
  const writing = writeUntilStopped(temp, writer);
  let slices = 0;
  for await (const { done } of temp.engine.maintenance.vacuum(new AbortController().signal)) {
    slices++;
    if (done) break;
  }
  writer.stopped = true;
  await writing;
  const { written } = writer;
  const after = await fileBytes(scene);
  t.diagnostic(
    `${mebibytes(before)} before, ${mebibytes(after)} after ${String(slices)} slices, ` +
      `${String(written)} writes meanwhile`,
  );
  assert.ok(after < before / 4, "the room went back to the file system");
  assert.ok(slices >= (before - after) / pageBytes / vacuumPagesPerSlice, "slices are bounded");
  assert.ok(written > 0, "writers come in between the slices");
  assert.equal((await temp.list({ count: true })).count, Math.min(written, keys));
});

interface Scene {
  readonly temp: TempEngine;
  readonly clock: ManualClock;
  /** How many of them stay in the log. */
  readonly revisionsMax: bigint;
}

async function openScene(
  t: TestContext,
  settings: Partial<NamespaceSettings> & { readonly retentionRevisions: number },
): Promise<Scene> {
  const clock = new ManualClock();
  const temp = await TempEngine.open(t, { clock });
  await temp.engine.namespaces.create(testNamespace, settings);
  return { temp, clock, revisionsMax: BigInt(settings.retentionRevisions) };
}

async function overwriteRound(scene: Scene): Promise<void> {
  for (let write = 0; write < writesPerRound; write++) {
    okOf(await scene.temp.put(`key/${String(write % keys)}`, valueFor(write)));
  }
  await keepHouse(scene);
}

/** Housekeeping looks once, and that must be enough. */
async function keepHouse({ temp, clock, revisionsMax }: Scene): Promise<void> {
  clock.advance(housekeepingMs);
  await waitFor("the log to be cut", () => {
    const { head, oldest } = temp.engine.namespaces.get(testNamespace);
    return head - oldest < revisionsMax ? true : undefined;
  });
}

async function writeUntilStopped(
  temp: TempEngine,
  writer: { readonly stopped: boolean; written: number },
): Promise<void> {
  for (; !writer.stopped; writer.written++) {
    okOf(await temp.put(`key/${String(writer.written % keys)}`, "1"));
  }
}

async function fileBytes({ temp }: Scene): Promise<number> {
  await temp.engine.maintenance.checkpoint("truncate");
  return statSync(temp.file).size;
}

function valueFor(seed: number): Uint8Array {
  return new Uint8Array(valueBytes).fill(seed);
}
