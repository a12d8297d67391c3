/** Whether an answer is right, and whether what was refused or ended may have been. */
import assert from "node:assert/strict";
import type { EngineErrorKind } from "../../src/storage/errors.js";
import { isMutation } from "../model/calls.js";
import { same } from "../model/same.js";
import type { SimulatedAnswer, SimulatedCall } from "./ask.js";
import { type Beside, differs } from "./beside.js";
import type { Rig } from "./rig.js";
import type { Watcher } from "./watcher.js";

/** A call under way. */
export interface Asking {
  readonly id: number;
  readonly call: SimulatedCall;
  readonly rig: Rig;
  readonly deadlineMs: number;
  /** Its namespace was there when it was asked. */
  readonly existed: boolean;
  cancelled: boolean;
}

/** A caller: one call at a time. */
export interface Lane {
  readonly number: number;
  /** Asked first, because a process that has died left it without an answer. */
  readonly again: SimulatedCall[];
  asking: Asking | undefined;
}

/** Throws when the answer is none that the model allows. */
export function judge(
  asking: Asking,
  answer: SimulatedAnswer,
  beside: Beside,
  nowMs: number,
): void {
  const { id, call, rig } = asking;
  const expected = beside.expectedOf(id);
  noteShown(call, answer, beside);
  if (expected.some((truth) => same(answer, truth))) return;
  if (answer.kind === "unknown" && rig.fatal !== undefined) return;
  if (answer.kind === "refused") {
    const happened = isMutation(call) && expected.length > 0;
    if (!happened && mayBeRefused(asking, answer.reason, nowMs)) return;
  }
  if (call.rpc === "Checkpoint" || isRightAbout(asking, answer, beside)) return;
  throw differs(`${call.rpc} of call ${String(id)} is answered with`, answer, expected);
}

/** What changes a namespace tells what is there when it answers, not when it was decided. */
function isRightAbout(
  { id, call, existed, rig }: Asking,
  answer: SimulatedAnswer,
  beside: Beside,
): boolean {
  if (!("namespace" in call)) return false;
  const { namespace } = call;
  const { model } = beside.oracle;
  const [decided] = beside.expectedOf(id);
  const isThere = model.namespaces.includes(namespace);
  const isMissing = answer.kind === "refused" && answer.reason === "namespace-missing";
  if (call.rpc === "CreateNamespace" || call.rpc === "UpdateNamespace") {
    // It may have been deleted before it could be told what it is like.
    if (isMissing) return decided?.kind === "namespaces" && !isThere;
    const now = beside.oracle.answer({ rpc: "GetNamespace", namespace }, 0);
    return decided?.kind === "namespaces" && same(answer, now);
  }
  if (call.rpc === "DeleteNamespace") {
    if (answer.kind === "deleted") return decided?.kind === "deleted";
    return isMissing && !existed;
  }
  if (call.rpc !== "Compact") return false;
  // It is cut slice by slice, and the namespace may go in between.
  if (isMissing) return !existed || !isThere;
  if (answer.kind !== "compacted" || decided !== undefined) return false;
  if (!rig.closing) beside.oldEnds.assertCompacted(namespace, call.upTo);
  return answer.oldest === model.namespace(namespace).oldest;
}

function noteShown(call: SimulatedCall, answer: SimulatedAnswer, beside: Beside): void {
  const [info] = answer.kind === "namespaces" ? answer.namespaces : [];
  if ("revision" in answer) beside.shown(answer.namespace, answer.revision);
  else if (info !== undefined) beside.shown(info.name, info.head);
  else if (answer.kind === "deleted" && "namespace" in call) beside.shown(call.namespace, 0n);
  if (info !== undefined && call.rpc !== "GetNamespace") beside.settingsKnown(info.name);
  if (answer.kind === "deleted" && "namespace" in call) beside.deletionKnown(call.namespace);
}

/** Nothing has happened: was that a reason? */
function mayBeRefused(
  { call, deadlineMs, cancelled, rig }: Asking,
  reason: EngineErrorKind,
  nowMs: number,
): boolean {
  const { failpoints } = rig.setup;
  const reasons: Partial<Record<EngineErrorKind, boolean>> = {
    overloaded: true,
    deadline: deadlineMs <= nowMs,
    cancelled,
    draining: rig.closing,
    "storage-fault": rig.fatal !== undefined,
    "disk-full": failpoints.includes("SQLITE_FULL"),
    "storage-busy": failpoints.includes("SQLITE_BUSY"),
    "snapshot-expired": call.rpc === "Scan" || rig.readerDied,
  };
  return reasons[reason] ?? false;
}

/** Asserts that the engine had a reason to end this watch. */
export function assertRightlyEnded(watcher: Watcher, rig: Rig, beside: Beside): void {
  const { reason, watch } = watcher;
  const { namespace, isSlow } = watch;
  const may =
    reason === undefined ||
    reason === watcher.refusedFor ||
    (reason === "draining" && rig.closing) ||
    (reason === "storage-fault" && rig.fatal !== undefined) ||
    (reason === "slow-consumer" && isSlow) ||
    (namespace === "gone" && ["namespace-missing", "revision-compacted"].includes(reason)) ||
    (reason === "namespace-blocked" && watcher.wasBlocked) ||
    (reason === "revision-compacted" &&
      watch.options.previous &&
      watcher.next <= beside.oldEnds.forgottenUpTo(namespace)) ||
    (reason === "snapshot-expired" && rig.readerDied);
  assert.ok(may, `a watch of ${namespace} was ended: ${String(reason)}`);
}
