/**
 * The engine on its own, see solo-order.ts. It ends as the daemon would: 74 when the disk failed, 10
 * when the files are damaged, at once and without closing anything.
 */
import { openSync } from "node:fs";
import { type FatalFault, openEngine } from "../../engine/index.js";
import { unreachable } from "../../foundation/assert.js";
import { sleep, systemClock } from "../../foundation/clock.js";
import { Failpoints } from "../../foundation/failpoint.js";
import { seededRandom } from "../../foundation/random.js";
import { startWorker } from "../../foundation/thread-link.js";
import { Metrics } from "../../observability/metrics.js";
import { EngineError, OpenError, type OpenErrorKind } from "../../storage/errors.js";
import { highWaterMarkMs } from "../../storage/limits.js";
import type { Key, Namespace, Operation } from "../../storage/model.js";
import type { StorageEngine } from "../../storage/storage-engine.js";
import { proveOptions, silentLog } from "../states/engine-setup.js";
import {
  doomedNamespace,
  effectsOf,
  marks,
  type SoloOrder,
  type SoloStep,
  soloNamespace,
} from "./solo-order.js";

const exitUnexpected = 1;
const exitDamaged = 10;
const exitIo = 74;
const exitNoSpace = 75;
const exitPermission = 77;
/** As the daemon ends for each reason not to open; "damaged" for those that are not here. */
const exitOf: Partial<Record<OpenErrorKind, number>> = {
  io: exitIo,
  "no-space": exitNoSpace,
  permission: exitPermission,
};
const exitOfFatal = {
  io: exitIo,
  damaged: exitDamaged,
  thread: exitUnexpected,
} as const satisfies Record<FatalFault["kind"], number>;
const order = JSON.parse(process.argv[2] ?? "") as SoloOrder;
const clock = systemClock();
const patient = { deadlineMs: Number.POSITIVE_INFINITY, cancelled: () => false };
let nextWrite = order.firstWrite;

/** The recorder answers every path below its own names with "no such file", and remembers it. */
function tellRecorder(path: string): void {
  try {
    openSync(path, "r");
  } catch {
    // That there is no such file is the point.
  }
}

function mark(text: string): void {
  tellRecorder(`/prove-mark/${text}`);
}

async function open(): Promise<StorageEngine> {
  try {
    const { file, synchronous = "EXTRA" } = order;
    return await openEngine(
      { ...proveOptions(file), synchronous },
      {
        clock,
        random: seededRandom(order.firstWrite),
        failpoints: Failpoints.none(),
        startThread: startWorker,
        log: silentLog(),
        metrics: new Metrics(),
        onFatal: ({ kind, reason }) => {
          process.stderr.write(`${reason}\n`);
          process.exit(exitOfFatal[kind]);
        },
      },
    );
  } catch (cause) {
    if (!(cause instanceof OpenError)) throw cause;
    process.stderr.write(`${cause.kind}: ${cause.message}\n`);
    process.exit(exitOf[cause.kind] ?? exitDamaged);
  }
}

async function write(engine: StorageEngine, namespace: Namespace): Promise<void> {
  const number = nextWrite++;
  const success = effectsOf(number).map<Operation>(({ key, value }) => {
    const common = { key: key as Key, returnPrevious: false };
    if (value !== undefined) return { kind: "put", value, expiry: { kind: "never" }, ...common };
    return { kind: "delete", span: { kind: "key", key: common.key }, returnPrevious: false };
  });
  const body = { compares: [], success, failure: [] };
  const request = { namespace, principal: undefined, requestId: undefined, body };
  mark(marks.asked(number, namespace));
  try {
    const outcome = await engine.commit(request, patient);
    if (outcome.kind === "ok") mark(marks.done(number, namespace, outcome.header.revision));
    else if (outcome.kind === "refused") mark(marks.refused(number, outcome.refusal.kind));
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    mark(marks.refused(number, cause.kind));
  }
}

async function perform(engine: StorageEngine, step: SoloStep): Promise<void> {
  switch (step.kind) {
    case "write":
      await write(engine, step.namespace as Namespace);
      return;
    case "checkpoint":
      await engine.maintenance.checkpoint(step.mode);
      return;
    case "keep-history":
      await engine.namespaces.update(step.namespace as Namespace, { historyReads: true });
      return;
    case "compact": {
      const { revision } = await engine.head(step.namespace as Namespace);
      await engine.maintenance.compact(step.namespace as Namespace, revision);
      return;
    }
    case "delete-namespace":
      mark(marks.askedDeletion(step.namespace));
      await engine.namespaces.delete(step.namespace as Namespace);
      mark(marks.doneDeletion(step.namespace));
      return;
    case "vacuum":
      for await (const { done } of engine.maintenance.vacuum(new AbortController().signal)) {
        if (done) return;
      }
      return;
    case "arm":
      tellRecorder(`/prove-fault/${step.fault}`);
      return;
    case "rest":
      await sleep(clock, 2 * highWaterMarkMs);
      return;
    case "close":
      await engine.close();
      return;
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    default:
      unreachable(step);
  }
}

process.umask(0o077);
const engine = await open();
for (const namespace of [soloNamespace, doomedNamespace]) {
  const { revision } = await engine.head(namespace as Namespace);
  mark(marks.opened(namespace, revision));
}
for (const step of order.steps) {
  mark(marks.step(step.kind));
  try {
    await perform(engine, step);
  } catch (cause) {
    // A step that is refused changes nothing; what it has left behind is looked at afterwards.
    if (!(cause instanceof EngineError)) throw cause;
  }
}
