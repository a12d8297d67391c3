/** The parts of an open store that work beside its callers: who hands what to whom. */
import { statSync } from "node:fs";
import { describeError } from "../observability/log.js";
import { errorOf } from "../storage/errors.js";
import type { OpenStore } from "./assemble-engine.js";
import type { CommitQueue } from "./commit/commit-queue.js";
import type { LatchedFault } from "./commit/writer-protocol.js";
import type { DiskSpace } from "./disk/disk-space.js";
import { askingWriter } from "./disk/follow-disk.js";
import type { EngineTime } from "./engine-time.js";
import { ExpirySweeper } from "./expiry/expiry-sweeper.js";
import { Housekeeper } from "./housekeeper.js";
import { IntegrityChecker } from "./integrity/integrity-check.js";
import { Scrubber } from "./integrity/scrubber.js";
import { LocalNamespaces } from "./namespace-admin.js";
import type { PointReads } from "./read/point-reads.js";
import { MarkKeeper } from "./recovery/mark-keeper.js";
import type { Watches } from "./watch/watches.js";

export function makeMarkKeeper(
  store: OpenStore,
  parts: { readonly disk: DiskSpace; fail(fault: LatchedFault): void },
): MarkKeeper {
  const { mark, opened, ports } = store;
  const { storeId, epoch, commitSequence } = opened;
  const onError = (cause: unknown): void => {
    const message = describeError(cause);
    parts.fail({ kind: "io", code: "HIGH_WATER_MARK", message, outcomeUnknown: false });
  };
  const onNoSpace = (): void => {
    parts.disk.noteFull("HIGH_WATER_MARK");
  };
  const { clock } = ports;
  const keeping = { mark, clock, storeId, epoch, onNoSpace, onError };
  const marks = new MarkKeeper(keeping, commitSequence);
  store.parts.works(() => marks.close(commitSequence));
  return marks;
}

export function makeNamespaces(
  store: OpenStore,
  parts: {
    readonly points: PointReads;
    readonly watches: Watches;
    readonly time: EngineTime;
    readonly disk: DiskSpace;
    readonly writesMustWait: () => boolean;
    fail(fault: LatchedFault): void;
  },
): LocalNamespaces {
  const { ports, life } = store;
  return new LocalNamespaces({
    connection: parts.points.connection,
    time: parts.time,
    log: ports.log,
    assertWritable: () => {
      life.assertWritable();
    },
    assertRoom: () => {
      parts.disk.assertRoom();
    },
    looking: (read) => store.damage.watching(() => parts.points.looking(read)),
    ask: askingWriter(store, parts),
    saw: (name, head) => {
      parts.points.saw(name, head);
    },
    onChanged: (name) => {
      parts.points.forgetNamespace(name);
      parts.watches.recheck(name);
    },
    onDeleted: (name) => {
      parts.points.forgetNamespace(name);
      parts.watches.deleted(name);
    },
    onFault: (fault) => {
      parts.fail(fault);
    },
  });
}

export function makeHousekeeper(
  store: OpenStore,
  parts: {
    readonly points: PointReads;
    readonly time: EngineTime;
    readonly namespaces: LocalNamespaces;
    readonly disk: DiskSpace;
    readonly writesMustWait: () => boolean;
    fail(fault: LatchedFault): void;
  },
): Housekeeper {
  const { ports, life, before } = store;
  const housekeeper = Housekeeper.start({
    connection: parts.points.connection,
    clock: ports.clock,
    time: parts.time,
    log: ports.log,
    namespaces: parts.namespaces,
    assertWritable: () => {
      life.assertWritable();
    },
    ask: askingWriter(store, parts),
    onFault: (fault) => {
      parts.fail(fault);
    },
    databaseBytes: () => statSync(before.files.database).size,
  });
  store.parts.works(() => housekeeper.close());
  return housekeeper;
}

export function makeSweeper(
  store: OpenStore,
  parts: {
    readonly points: PointReads;
    readonly queue: CommitQueue;
    readonly housekeeper: Housekeeper;
    readonly time: EngineTime;
  },
): ExpirySweeper {
  const { clock, log, metrics } = store.ports;
  const forever = { deadlineMs: Number.POSITIVE_INFINITY, cancelled: () => false };
  const sweeper = ExpirySweeper.start({
    connection: parts.points.connection,
    clock,
    time: parts.time,
    log,
    metrics,
    looking: (read) => store.damage.watching(() => parts.points.looking(read)),
    commit: async (request) => {
      store.life.assertWritable();
      const outcome = await parts.queue.commit(request, forever);
      if (outcome.kind === "refused") throw errorOf(outcome.refusal);
      if (outcome.kind !== "ok") throw new Error(`the sweep ended ${outcome.kind}`);
      const [response] = outcome.value.responses;
      return response?.kind === "expired" ? response.count : 0;
    },
    purge: () => parts.housekeeper.purgeSlice(),
  });
  store.parts.works(() => sweeper.close());
  return sweeper;
}

export function makeScrubber({ options, ports, before, damage, life, parts }: OpenStore): Scrubber {
  const scrubber = Scrubber.start({
    ...ports,
    options,
    damage,
    placeFile: before.files.scrub,
    usable: () => life.is("serving", "read_only"),
  });
  parts.works(() => scrubber.close());
  return scrubber;
}

export function makeIntegrity(
  store: OpenStore,
  parts: { fail(fault: LatchedFault): void },
): IntegrityChecker {
  const { ports, events, before, writer, opened } = store;
  const { clock } = ports;
  const integrity = new IntegrityChecker({
    ...ports,
    events,
    file: before.files.database,
    failuresBefore: opened.integrityFailures,
    countFailure: async () => {
      const nowMs = clock.wallMs();
      const reply = await writer.request({ kind: "count-integrity-failure", nowMs });
      if (reply.kind === "done") return;
      if (reply.kind === "refused") throw errorOf(reply.refusal);
      parts.fail(reply.fault);
      throw new Error(`the store has stopped: ${reply.fault.code}`);
    },
  });
  store.parts.works(() => integrity.close());
  return integrity;
}
