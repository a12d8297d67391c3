/**
 * Ranges, in reader threads: a page from a snapshot of its own, or a whole scan from one snapshot
 * that is held between pages. The next page is read only when it is asked for, so a slow caller
 * costs one page of memory; and one that stays away loses its snapshot, not our WAL.
 */
import type { Clock } from "../../foundation/clock.js";
import { ThreadExitError } from "../../foundation/thread-link.js";
import { EngineError } from "../../storage/errors.js";
import { scanPageBytesMax, scanPageRowsMax } from "../../storage/limits.js";
import type { Key, Namespace, Revision } from "../../storage/model.js";
import type { CallLimits, PageRead, RangeRead } from "../../storage/storage-engine.js";
import type { EngineTime } from "../engine-time.js";
import { readable } from "./readable.js";
import type { ReaderLink, ReaderPool } from "./reader-pool.js";
import type { PageReply } from "./reader-protocol.js";
import type { ScanPace } from "./scan-pace.js";
import type { SnapshotLease, SnapshotRegistry } from "./snapshot-registry.js";

/** Undefined head = the namespace does not exist. */
export interface PageOfRange {
  readonly head: Revision | undefined;
  /** See storage/packed-entries.ts. */
  readonly packed: Uint8Array;
  readonly rows: number;
  /** Of the last entry; undefined = there is none. */
  readonly lastKey: Key | undefined;
  readonly more: boolean;
  readonly count: number | undefined;
}

export class RangeReads {
  readonly #pool: ReaderPool;
  readonly #snapshots: SnapshotRegistry;
  readonly #clock: Clock;
  readonly #time: EngineTime;
  readonly #pace: ScanPace;
  readonly #saw: (namespace: Namespace, head: Revision | undefined) => void;

  constructor(ports: {
    readonly pool: ReaderPool;
    readonly snapshots: SnapshotRegistry;
    readonly clock: Clock;
    readonly time: EngineTime;
    readonly pace: ScanPace;
    /** Before the caller is shown what was read at this head. */
    saw(namespace: Namespace, head: Revision | undefined): void;
  }) {
    this.#saw = (namespace, head) => {
      ports.saw(namespace, head);
    };
    this.#time = ports.time;
    this.#pace = ports.pace;
    this.#pool = ports.pool;
    this.#snapshots = ports.snapshots;
    this.#clock = ports.clock;
  }

  async page(namespace: Namespace, read: PageRead, call: CallLimits): Promise<PageOfRange> {
    assertStillWanted(call, this.#clock);
    const nowMs = this.#time.nowMs();
    const message = { kind: "page", namespace, read: ownBytes(read), nowMs } as const;
    const page = await readable(this.#pool.pick().request(message));
    this.#saw(namespace, page.head);
    // Too much lies in the way for one turn, and all turns must be of one snapshot.
    return page.walkedTo === undefined ? pageOf(page) : this.#pageInTurns(namespace, read, call);
  }

  async #pageInTurns(namespace: Namespace, read: PageRead, call: CallLimits): Promise<PageOfRange> {
    await this.#snapshots.gate.passed();
    assertStillWanted(call, this.#clock);
    const link = this.#pool.pick();
    const lease = this.#snapshots.add("List", namespace);
    try {
      lease.revision = (await this.#openSnapshot(link, lease)) ?? (0n as Revision);
      return await this.#nextPage(link, lease, { read, call });
    } finally {
      this.#snapshots.end(lease);
    }
  }

  /** Throws "snapshot-expired" when the snapshot was ended between two pages. */
  async *scan(
    namespace: Namespace,
    read: RangeRead,
    owner: string,
    call: CallLimits,
  ): AsyncIterable<PageOfRange> {
    const link = this.#pool.pick();
    const lease = this.#snapshots.add(owner, namespace);
    try {
      lease.revision = (await this.#openSnapshot(link, lease)) ?? (0n as Revision);
      let after = read.after;
      for (;;) {
        const { calls } = this.#pace;
        const askedMs = this.#clock.monotonicMs();
        const asked = { ...read, after, ...scanPage };
        const page = await this.#nextPage(link, lease, { read: asked, call });
        const thereMs = this.#clock.monotonicMs();
        yield page;
        after = page.lastKey;
        if (!page.more) return;
        await this.#pace.rest(calls, { askedMs, thereMs });
      }
    } finally {
      this.#snapshots.end(lease);
    }
  }

  async #openSnapshot(link: ReaderLink, lease: SnapshotLease): Promise<Revision | undefined> {
    const { id, namespace } = lease;
    lease.release = () => {
      // Nobody waits for the answer; a thread that has ended has let go of it already.
      link.request({ kind: "close-snapshot", id }).catch((cause: unknown) => {
        if (!(cause instanceof ThreadExitError)) throw cause;
      });
    };
    const { head } = await readable(link.request({ kind: "open-snapshot", id, namespace }));
    this.#saw(namespace, head);
    return head;
  }

  /** As many turns as it takes to find something, or the end: others read in between. */
  async #nextPage(
    link: ReaderLink,
    lease: SnapshotLease,
    { read, call }: { readonly read: PageRead; readonly call: CallLimits },
  ): Promise<PageOfRange> {
    for (let { after } = read; ; ) {
      assertStillWanted(call, this.#clock);
      if (lease.cancelled !== undefined) throw expired(lease.cancelled);
      lease.busy = true;
      const page = await readable(
        link.request({
          kind: "snapshot-page",
          id: lease.id,
          read: ownBytes({ ...read, after }),
          nowMs: this.#time.nowMs(),
        }),
      );
      lease.busy = false;
      lease.lastUsedMs = this.#clock.monotonicMs();
      if (page.walkedTo === undefined) return pageOf(page);
      after = page.walkedTo;
    }
  }
}

const scanPage = { rowsMax: scanPageRowsMax, bytesMax: scanPageBytesMax, count: false } as const;

function pageOf(reply: PageReply): PageOfRange {
  const { head, packed, rows, more, count } = reply;
  return { head, packed, rows, lastKey: reply.lastKey as Key | undefined, more, count };
}

/** Views would take the whole message they lie in along to the thread. */
function ownBytes<Read extends RangeRead>(read: Read): Read {
  const { start, end } = read.range;
  return {
    ...read,
    range: { start: new Uint8Array(start), end: end === undefined ? end : new Uint8Array(end) },
    after: read.after === undefined ? undefined : new Uint8Array(read.after),
  };
}

function assertStillWanted(call: CallLimits, clock: Clock): void {
  if (call.cancelled()) {
    throw new EngineError("cancelled", "the caller went away", { hint: "nothing was changed" });
  }
  if (call.deadlineMs <= clock.wallMs()) {
    throw new EngineError("deadline", "the deadline passed between two pages", {
      hint: "allow more time, or continue after the last key that was received",
    });
  }
}

function expired(reason: string): EngineError {
  return new EngineError("snapshot-expired", `the snapshot was ended: ${reason}`, {
    hint: "continue with a new scan after the last key that was received",
  });
}
