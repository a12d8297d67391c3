/** Open snapshots end: when their owner is done, is too slow, has had them too long, or must. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SnapshotRegistry } from "../../../../src/engine/read/snapshot-registry.js";
import { ManualClock } from "../../../../src/foundation/clock.js";
import { snapshotLifetimeMsMax, snapshotsMax } from "../../../../src/storage/limits.js";
import type { Namespace } from "../../../../src/storage/model.js";
import { type RecordingLog, recordingLog } from "../../../support/recording-log.js";

const idleMsMax = 1_000;
const namespace = "test" as Namespace;

interface Scene {
  readonly clock: ManualClock;
  readonly log: RecordingLog;
  readonly registry: SnapshotRegistry;
  readonly released: string[];
  /** How often the last snapshot of all has ended. */
  noneLeft: number;
  open(owner: string): ReturnType<SnapshotRegistry["add"]>;
}

function openScene(): Scene {
  const clock = new ManualClock();
  const log = recordingLog();
  const released: string[] = [];
  const scene: Scene = {
    clock,
    log,
    released,
    noneLeft: 0,
    registry: new SnapshotRegistry({
      clock,
      log,
      idleMsMax,
      onNoneLeft() {
        scene.noneLeft++;
      },
    }),
    open(owner) {
      const lease = scene.registry.add(owner, namespace);
      lease.release = () => {
        released.push(owner);
      };
      lease.busy = false;
      return lease;
    },
  };
  return scene;
}

test("a snapshot whose reader stays away is cut, and the log names its owner", () => {
  const scene = openScene();
  const lease = scene.open("Scan");
  scene.clock.advance(idleMsMax);
  assert.equal(lease.cancelled, undefined);
  scene.clock.advance(idleMsMax);
  assert.equal(lease.cancelled, "its reader was too slow");
  assert.deepEqual([scene.released, scene.registry.count()], [["Scan"], 0]);
  assert.deepEqual(
    scene.log.of("snapshot.cancelled").map(({ fields }) => fields["owner"]),
    ["Scan"],
  );
});

test("a reader that comes back in time keeps its snapshot until its life is over", () => {
  const scene = openScene();
  const lease = scene.open("Scan");
  while (scene.clock.monotonicMs() < snapshotLifetimeMsMax) {
    assert.equal(lease.cancelled, undefined);
    scene.clock.advance(idleMsMax / 2);
    lease.lastUsedMs = scene.clock.monotonicMs();
  }
  scene.clock.advance(idleMsMax / 2);
  assert.equal(lease.cancelled, "it was open for too long");
});

test("while a page is being read nobody counts as slow, but no snapshot outlives its bound", () => {
  const scene = openScene();
  const lease = scene.open("Scan");
  lease.busy = true;
  scene.clock.advance(snapshotLifetimeMsMax);
  assert.equal(lease.cancelled, undefined);
  scene.clock.advance(idleMsMax);
  assert.equal(lease.cancelled, "it was open for too long");
});

test("the owner's end and a cut release the snapshot once", () => {
  const scene = openScene();
  const lease = scene.open("Scan");
  scene.registry.end(lease);
  scene.registry.end(lease);
  assert.equal(scene.registry.cancelAll("the WAL is full"), 0);
  assert.deepEqual(scene.released, ["Scan"]);
});

test("all snapshots can be ended at once, oldest first, and who waits for the last one is told", () => {
  const scene = openScene();
  const leases = ["one", "two", "three"].map((owner) => {
    scene.clock.advance(10);
    return scene.open(owner);
  });
  assert.deepEqual(
    scene.registry.list().map(({ owner, ageMs }) => [owner, ageMs]),
    [
      ["one", 20],
      ["two", 10],
      ["three", 0],
    ],
  );
  assert.equal(scene.registry.oldest()?.owner, "one");
  assert.equal(scene.registry.cancelAll("the WAL is full"), leases.length);
  assert.deepEqual(scene.released, ["one", "two", "three"]);
  assert.ok(leases.every(({ cancelled }) => cancelled === "the WAL is full"));
  assert.ok(scene.noneLeft >= 1);
});

test("snapshots are bounded, and one that ends makes room for another", () => {
  const scene = openScene();
  const leases = Array.from({ length: snapshotsMax }, () => scene.open("Scan"));
  assert.throws(() => scene.open("Scan"), { kind: "overloaded" });
  const [first] = leases;
  assert.ok(first !== undefined);
  scene.registry.end(first);
  scene.open("Scan");
  assert.equal(new Set(scene.registry.list().map(({ id }) => id)).size, snapshotsMax);
});

test("a closed registry has ended every snapshot and leaves no timer", () => {
  const scene = openScene();
  const lease = scene.open("Scan");
  scene.registry.close();
  assert.equal(lease.cancelled, "the store is closing");
  assert.equal(scene.clock.timers, 0);
});
