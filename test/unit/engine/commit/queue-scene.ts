/** A commit queue whose writer answers what the test says, and when. */
import assert from "node:assert/strict";
import { CommitQueue, type CommitQueuePorts } from "../../../../src/engine/commit/commit-queue.js";
import type { GroupReply } from "../../../../src/engine/commit/writer-protocol.js";
import { ByteReader } from "../../../../src/engine/record/byte-reader.js";
import { encodeOutcomes } from "../../../../src/engine/record/outcome-codec.js";
import { readRequest } from "../../../../src/engine/record/request-codec.js";
import { ManualClock } from "../../../../src/foundation/clock.js";
import { seededRandom } from "../../../../src/foundation/random.js";
import type {
  Epoch,
  Namespace,
  RequestId,
  Revision,
  StoreId,
  TxnRequest,
} from "../../../../src/storage/model.js";
import type { CallLimits } from "../../../../src/storage/storage-engine.js";
import { kindOf, patient, putOf, textOf } from "../../../support/temp-engine.js";

export const identity = { epoch: 7n as Epoch, nodeId: "node", storeId: "store" as StoreId };
const gauge = { walBytes: 0, frames: 0, backfilled: 0 };
export const busyBudgetMs = 100;

interface Sent {
  /** The keys of the group's requests, the skipped ones left out. */
  readonly keys: readonly string[];
  readonly count: number;
  reply(reply: GroupReply): Promise<void>;
  done(): Promise<void>;
  busy(): Promise<void>;
  break(error: Error): Promise<void>;
}

export class Scene {
  readonly clock = new ManualClock();
  readonly sent: Sent[] = [];
  readonly told: string[] = [];
  readonly queue: CommitQueue;
  #revision = 0n;

  constructor(limits: { readonly requestsMax?: number; readonly bug?: Error } = {}) {
    this.queue = new CommitQueue({
      clock: this.clock,
      random: seededRandom(1),
      requestsMax: limits.requestsMax ?? 100_000,
      busyBudgetMs,
      identity,
      send: (group) =>
        new Promise((resolve, reject) => {
          this.sent.push(this.#sentOf(group, resolve, reject));
          this.told.push(`sent ${String(group.count)}`);
        }),
      onWritten: () => {
        this.told.push("written");
      },
      onCommitted: (_reply, requests) => {
        if (limits.bug !== undefined) throw limits.bug;
        this.told.push(`committed ${String(requests)}`);
      },
      refusalOf: () => undefined,
      onDamage: (refusal) => {
        this.told.push(refusal.message);
        return refusal;
      },
      onBusy: (code) => {
        this.told.push(code);
      },
      onDiskFull: (code) => {
        this.told.push(code);
      },
      onFault: ({ code }) => {
        this.told.push(`fault ${code}`);
      },
    });
  }

  put(key: string, how: { bytes?: number; call?: CallLimits; requestId?: string } = {}): Asked {
    const value = new Uint8Array(how.bytes ?? 1);
    const request: TxnRequest = {
      namespace: "test" as Namespace,
      principal: undefined,
      requestId: how.requestId as RequestId | undefined,
      body: { compares: [], success: [putOf(key, value)], failure: [] },
    };
    return new Asked(this.queue.commit(request, how.call ?? patient));
  }

  /** The writer is idle and gets it, alone. */
  async putAlone(...of: Parameters<Scene["put"]>): Promise<Asked> {
    const asked = this.put(...of);
    await settle();
    return asked;
  }

  get last(): Sent {
    const sent = this.sent.at(-1);
    assert.ok(sent !== undefined, "a group was sent");
    return sent;
  }

  #sentOf(
    group: Parameters<CommitQueuePorts["send"]>[0],
    resolve: (reply: GroupReply) => void,
    reject: (error: Error) => void,
  ): Sent {
    const keys = keysOf(group);
    const reply = (answer: GroupReply): Promise<void> => {
      resolve(answer);
      return settle();
    };
    return {
      keys,
      count: group.count,
      reply,
      done: () => reply(this.#doneFor(keys.length)),
      busy: () => reply({ kind: "busy", requests: group.requests, code: "SQLITE_BUSY" }),
      break(error) {
        reject(error);
        return settle();
      },
    };
  }

  #doneFor(count: number): GroupReply {
    const value = { succeeded: true, failedCompares: [], responses: [], replayed: false };
    const outcomes = encodeOutcomes(
      Array.from({ length: count }, () => {
        const revision = ++this.#revision as Revision;
        const header = { namespace: "test" as Namespace, revision, ...identity };
        return { kind: "ok", header, value };
      }),
    );
    return { kind: "done", outcomes, entries: [], gauge, commitSequence: 1n, durationMs: 1 };
  }
}

/** A promise whose end can be looked at without waiting for it. */
class Asked {
  readonly outcome: ReturnType<CommitQueue["commit"]>;
  end = "waiting";

  constructor(outcome: ReturnType<CommitQueue["commit"]>) {
    this.outcome = outcome;
    outcome.then(
      (value) => {
        this.end = value.kind;
      },
      (error: unknown) => {
        this.end = kindOf(error);
      },
    );
  }
}

function keysOf(group: Parameters<CommitQueuePorts["send"]>[0]): string[] {
  const source = new ByteReader(group.requests);
  return Array.from({ length: group.count }, () => {
    const [operation] = readRequest(source, group.requests).request.body.success;
    return operation?.kind === "put" ? textOf(operation.key) : "";
  }).filter((_key, index) => !group.skip.includes(index));
}

export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
