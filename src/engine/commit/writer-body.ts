/**
 * What the writer thread does: owns the only read-write connection and does one thing at a
 * time. After a storage fault it does nothing any more, not even close: the process exits around it
 * and the next start recovers (a checkpoint after a fault is what destroys data).
 */
import { createHash } from "node:crypto";
import { assert, unreachable } from "../../foundation/assert.js";
import { Failpoints } from "../../foundation/failpoint.js";
import { ThreadHost, Transferring } from "../../foundation/thread-host.js";
import { EngineError, refusalOf } from "../../storage/errors.js";
import { checkpointBusyMsMax } from "../../storage/limits.js";
import type { GroupMember } from "../../storage/state-machine.js";
import { ByteReader } from "../record/byte-reader.js";
import { encodeOutcomes } from "../record/outcome-codec.js";
import { readRequest } from "../record/request-codec.js";
import { faultOf, faultOfCode } from "../sqlite/result-codes.js";
import { ForeignWriteError } from "../sqlite/sole-writer.js";
import type { BodyPorts } from "../thread-body.js";
import { groupCommit, latchedBy } from "./group-commit.js";
import { type AdminMessage, performAdmin } from "./writer-admin.js";
import type {
  AdminReply,
  CheckpointReply,
  GroupReply,
  LatchedFault,
  ToWriter,
  WriterReplies,
} from "./writer-protocol.js";
import { WriterStore } from "./writer-store.js";

type Reply = WriterReplies[ToWriter["kind"]];

/** Begins to answer at this end of the link. */
export function serveWriter(ports: BodyPorts): void {
  const writer = new Writer(ports);
  ThreadHost.serve<ToWriter, WriterReplies>(ports.port, (message) => writer.handle(message));
}

class Writer {
  readonly #ports: BodyPorts;
  #failpoints = Failpoints.none();
  #store: WriterStore | undefined;
  #latched: LatchedFault | undefined;

  constructor(ports: BodyPorts) {
    this.#ports = ports;
  }

  get #present(): WriterStore {
    assert(this.#store !== undefined, "the writer is opened before anything else is asked of it");
    return this.#store;
  }

  handle(message: ToWriter): Reply | Transferring<Reply> | Promise<Reply | Transferring<Reply>> {
    switch (message.kind) {
      case "open": {
        const { clock, random } = this.#ports;
        this.#failpoints = Failpoints.parse(message.start.failpoints);
        const ports = { clock, random, failpoints: this.#failpoints };
        const { store, opened } = WriterStore.open(message.start, ports, message.nowMs);
        this.#store = store;
        return opened;
      }
      case "commit-group":
        return this.#commitGroup(message);
      case "checkpoint":
        assert(this.#latched === undefined, "after a fault nothing is checkpointed");
        return this.#checkpoint(message);
      case "create-namespace":
      case "update-namespace":
      case "delete-namespace":
      case "purge-slice":
      case "trim-slice":
      case "vacuum-slice":
      case "probe-write":
      case "count-integrity-failure":
        return this.#administer(message);
      case "attest":
        return this.#present.attest();
      case "ping":
        return this.#present.checkpoints.gauge();
      case "close":
        assert(
          this.#latched === undefined,
          "after a fault nothing closes: closing would checkpoint",
        );
        this.#present.connection.close();
        return { commitSequence: this.#present.commitSequence };
      default:
        return unreachable(message);
    }
  }

  /** With the local log nothing in here waits, so no other message is looked at meanwhile. */
  async #commitGroup(
    message: ToWriter & { kind: "commit-group" },
  ): Promise<GroupReply | Transferring<GroupReply>> {
    if (this.#latched !== undefined) return { kind: "latched", fault: notTried(this.#latched) };
    const { state, log, tenure, checkpoints } = this.#present;
    this.#present.setTime(message.nowMs);
    const began = this.#ports.clock.monotonicMs();
    const end = await groupCommit(state, log, membersOf(message), tenure);
    switch (end.kind) {
      case "done": {
        const outcomes = encodeOutcomes(end.outcomes);
        const entries = log.takeAppended();
        const gauge = checkpoints.gauge();
        const durationMs = this.#ports.clock.monotonicMs() - began;
        const { commitSequence } = this.#present;
        const done = { outcomes, entries, gauge, commitSequence, durationMs };
        return new Transferring<GroupReply>({ kind: "done", ...done }, [
          outcomes.buffer,
          ...entries.map((entry) => entry.payload.buffer),
        ]);
      }
      case "busy": {
        const { requests } = message;
        return new Transferring<GroupReply>({ kind: "busy", requests, code: end.code }, [
          requests.buffer,
        ]);
      }
      case "disk-full":
        this.#present.abandon();
        return end;
      case "latched":
        this.#latched = end.fault;
        return end;
      default:
        return unreachable(end);
    }
  }

  #checkpoint(message: ToWriter & { kind: "checkpoint" }): CheckpointReply {
    this.#failpoints.hit("before-checkpoint");
    const { checkpoints, state } = this.#present;
    // Asked here too, so that a stop says what an idle store would never have met.
    const raw = checkpoints.run(message.mode, checkpointBusyMsMax, () => {
      state.assertSole();
    });
    if (raw.kind === "ran") {
      this.#failpoints.hit("after-checkpoint");
      return { raw, fault: undefined };
    }
    const fault = faultOfCode(raw.code);
    if (fault.kind === "busy" || fault.kind === "disk-full") return { raw, fault: undefined };
    assert(fault.kind !== "bug", `a checkpoint ended with ${raw.code}: ${raw.message}`);
    this.#latched = {
      kind: fault.kind,
      code: raw.code,
      message: raw.message,
      outcomeUnknown: false,
    };
    return { raw, fault: this.#latched };
  }

  /** One transaction of the engine's own, between two groups: wholly done, or refused. */
  #administer(message: AdminMessage): AdminReply {
    if (this.#latched !== undefined) return { kind: "latched", fault: notTried(this.#latched) };
    const writer = this.#present;
    writer.setTime(message.nowMs);
    try {
      return { kind: "done", finished: performAdmin(message, writer) };
    } catch (error) {
      if (error instanceof EngineError) {
        writer.state.abortPrepared();
        return { kind: "refused", refusal: refusalOf(error) };
      }
      return this.#refusedBy(error);
    }
  }

  #refusedBy(error: unknown): AdminReply {
    const fault = faultOf(error);
    switch (fault.kind) {
      case "busy":
      case "disk-full": {
        if (fault.kind === "busy") this.#present.state.abortPrepared();
        else this.#present.abandon();
        const kind = fault.kind === "busy" ? "storage-busy" : "disk-full";
        const message = `nothing was written: the store answered ${fault.code}`;
        return { kind: "refused", refusal: { kind, message, hint: "retry later", facts: {} } };
      }
      case "io":
      case "damaged":
        this.#latched = latchedBy(
          error,
          { kind: fault.kind, code: fault.code },
          !(error instanceof ForeignWriteError),
        );
        return { kind: "latched", fault: this.#latched };
      case "bug":
        this.#present.state.abortPrepared();
        throw error;
    }
  }
}

function membersOf(message: ToWriter & { kind: "commit-group" }): GroupMember[] {
  const source = new ByteReader(message.requests);
  const skipped = new Set(message.skip);
  const members: GroupMember[] = [];
  for (let index = 0; index < message.count; index++) {
    const { request, bodyBytes } = readRequest(source, message.requests);
    if (skipped.has(index)) continue;
    members.push({ request, digest: () => createHash("sha256").update(bodyBytes).digest() });
  }
  return members;
}

/** What came after the fault was never tried, whatever became of the group that met it. */
function notTried(fault: LatchedFault): LatchedFault {
  return { ...fault, outcomeUnknown: false };
}
