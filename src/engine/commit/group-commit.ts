/**
 * Decide, append, publish. The append is the moment of truth: everything before it can still be
 * forgotten, nothing after it can be taken back. Every way it can end has a name here.
 */
import type { CommitLog, Tenure } from "../../storage/commit-log.js";
import type { TxnResult } from "../../storage/model.js";
import type { GroupMember, StateMachine } from "../../storage/state-machine.js";
import type { Outcome } from "../../storage/storage-engine.js";
import { faultOf } from "../sqlite/result-codes.js";
import type { LatchedFault } from "./writer-protocol.js";

export type GroupEnd =
  | { readonly kind: "done"; readonly outcomes: readonly Outcome<TxnResult>[] }
  | { readonly kind: "busy"; readonly code: string }
  | { readonly kind: "disk-full"; readonly code: string }
  | { readonly kind: "latched"; readonly fault: LatchedFault };

/** Throws only what is a bug of ours, after the transaction was rolled back. */
export async function groupCommit(
  state: StateMachine,
  log: CommitLog,
  group: readonly GroupMember[],
  tenure: Tenure,
): Promise<GroupEnd> {
  let reachedAppend = false;
  try {
    const prepared = state.prepare(group, tenure);
    if (!prepared.wrote) {
      state.abortPrepared();
      return { kind: "done", outcomes: prepared.outcomes };
    }
    reachedAppend = true;
    const appended = log.append(prepared.entries, tenure);
    if ((appended instanceof Promise ? await appended : appended) === "fenced") {
      state.abortPrepared();
      return { kind: "done", outcomes: group.map(() => ({ kind: "fenced" })) };
    }
    state.commitPrepared();
    return { kind: "done", outcomes: prepared.outcomes };
  } catch (error) {
    return endOf(error, state, reachedAppend);
  }
}

function endOf(error: unknown, state: StateMachine, outcomeUnknown: boolean): GroupEnd {
  const fault = faultOf(error);
  switch (fault.kind) {
    case "busy":
      state.abortPrepared();
      return { kind: "busy", code: fault.code };
    case "disk-full":
      state.abortPrepared();
      return { kind: "disk-full", code: fault.code };
    case "io":
    case "damaged":
      // No rollback, no retry: after a failed sync the next one would lie.
      return { kind: "latched", fault: latchedBy(error, fault, outcomeUnknown) };
    case "bug":
      state.abortPrepared();
      throw error;
  }
}

/** What is told of a fault after which this thread does nothing more. */
export function latchedBy(
  error: unknown,
  fault: { readonly kind: "io" | "damaged"; readonly code: string },
  outcomeUnknown: boolean,
): LatchedFault {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: fault.kind, code: fault.code, message, outcomeUnknown };
}
