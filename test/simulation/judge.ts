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

/** Making and deleting tell what is there when they answer, not when they were decided. */
function isRightAbout(
  { id, call, existed }: Asking,
  answer: SimulatedAnswer,
  beside: Beside,
): boolean {
  if (call.rpc === "CreateNamespace") {
    const { namespace } = call;
    return same(answer, beside.oracle.answer({ rpc: "GetNamespace", namespace }, 0));
  }
  if (call.rpc !== "DeleteNamespace") return false;
  if (answer.kind === "deleted") return beside.expectedOf(id)[0]?.kind === "deleted";
  return answer.kind === "refused" && answer.reason === "namespace-missing" && !existed;
}

function noteShown(call: SimulatedCall, answer: SimulatedAnswer, beside: Beside): void {
  const [info] = answer.kind === "namespaces" ? answer.namespaces : [];
  if ("revision" in answer) beside.shown(answer.namespace, answer.revision);
  else if (info !== undefined) beside.shown(info.name, info.head);
  else if (answer.kind === "deleted" && "namespace" in call) beside.shown(call.namespace, 0n);
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
export function assertRightlyEnded({ reason, watch }: Watcher, rig: Rig): void {
  const { namespace, isSlow } = watch;
  const may =
    reason === undefined ||
    (reason === "draining" && rig.closing) ||
    (reason === "storage-fault" && rig.fatal !== undefined) ||
    (reason === "slow-consumer" && isSlow) ||
    (namespace === "gone" && ["namespace-missing", "revision-compacted"].includes(reason)) ||
    (reason === "snapshot-expired" && rig.readerDied);
  assert.ok(may, `a watch of ${namespace} was ended: ${String(reason)}`);
}
