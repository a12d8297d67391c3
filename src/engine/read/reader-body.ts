/**
 * What a reader thread does: short statements on read-only connections, a page at a time. One
 * connection answers single pages; each open snapshot has a connection of its own, because a
 * connection can hold one snapshot only. Connections are kept for the next snapshot, up to a bound.
 */
import { assert, unreachable } from "../../foundation/assert.js";
import { ThreadHost, Transferring } from "../../foundation/thread-host.js";
import { EngineError } from "../../storage/errors.js";
import { snapshotCacheBytes, snapshotConnectionsKept } from "../../storage/limits.js";
import type { ConnectionReading } from "../../storage/maintenance.js";
import type { Key } from "../../storage/model.js";
import type { PageRead } from "../../storage/storage-engine.js";
import { type LogPage, LogReader } from "../log/log-reader.js";
import {
  attest,
  type Connection,
  type OpenConnection,
  openConnection,
} from "../sqlite/connection.js";
import type { BodyPorts } from "../thread-body.js";
import { unpackKeys } from "./packed-keys.js";
import type {
  FromReader,
  PageReply,
  PointsReply,
  ReaderReplies,
  ReaderStart,
  ToReader,
} from "./reader-protocol.js";
import { looksDamaged, readAnew, readTwice } from "./second-look.js";
import { type Head, TableReader } from "./table-reader.js";

interface Reader {
  readonly connection: Connection;
  readonly table: TableReader;
  readonly log: LogReader;
}
interface Snapshot extends Reader {
  readonly head: Head;
}

/** Begins to answer at this end of the link. */
export function serveReader(start: ReaderStart, { port }: Pick<BodyPorts, "port">): void {
  const reader = new ReaderBody(start, (code) => {
    host.push({ kind: "repeated", code });
  });
  const host = ThreadHost.serve<ToReader, ReaderReplies, FromReader>(port, (message) =>
    reader.handle(message),
  );
}

class ReaderBody {
  readonly #start: ReaderStart;
  readonly #onRepeated: (code: string) => void;
  readonly #onePage: OpenConnection;
  readonly #held: OpenConnection;
  readonly #snapshots = new Map<number, Snapshot>();
  readonly #spare: Reader[] = [];
  #main: Reader | undefined;

  constructor(start: ReaderStart, onRepeated: (code: string) => void) {
    const { options } = start;
    this.#start = start;
    this.#onRepeated = onRepeated;
    this.#onePage = { file: options.file, role: "reader", pragmas: options };
    this.#held = { ...this.#onePage, pragmas: { ...options, cacheBytes: snapshotCacheBytes } };
  }

  handle(message: ToReader): ReaderReplies[ToReader["kind"]] | Transferring<never> {
    switch (message.kind) {
      case "points": {
        const reply = this.#onMain(({ table }) => table.snapshot(() => pointsOf(table, message)));
        return transfer(reply, reply.packed);
      }
      case "page":
        return this.#onMain(({ table }) =>
          table.snapshot(() => pageOf(table, table.head(message.namespace), message)),
        );
      case "open-snapshot":
        return { head: this.#openSnapshot(message.id, message) };
      case "snapshot-page": {
        const snapshot = this.#snapshots.get(message.id);
        if (snapshot === undefined) throw snapshotGone();
        const { connection, table, head } = snapshot;
        return readAnew(connection, () => pageOf(table, head, message), this.#onRepeated);
      }
      case "close-snapshot":
        this.#closeSnapshot(message.id);
        return true;
      case "log-page":
        return logPage(
          this.#onMain(({ log }) => log.page(message.namespace, message.from, message.bytesMax)),
        );
      case "attest":
        return this.#readings();
      case "close":
        for (const { connection } of this.#allReaders()) connection.close();
        return true;
      default:
        return unreachable(message);
    }
  }

  #openSnapshot(
    id: number,
    of: ToReader & { kind: "open-snapshot" },
  ): NonNullable<Head>["revision"] | undefined {
    assert(!this.#snapshots.has(id), "a snapshot id is given once");
    const reader = this.#spare.pop() ?? this.#openReader(this.#held);
    try {
      reader.connection.exec("BEGIN");
      // The first read is what takes the snapshot.
      const head = readAnew(
        reader.connection,
        () => reader.table.head(of.namespace),
        this.#onRepeated,
      );
      this.#snapshots.set(id, { ...reader, head });
      return head?.revision;
    } catch (cause) {
      // Nobody else knows of it, and it may hold a snapshot.
      reader.connection.close();
      throw cause;
    }
  }

  #closeSnapshot(id: number): void {
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined) return;
    this.#snapshots.delete(id);
    try {
      // A disk error may have ended it.
      if (snapshot.connection.inTransaction) snapshot.connection.exec("COMMIT");
    } catch (cause) {
      if (!looksDamaged(cause)) throw cause;
      // Even the end may read. Closing ends the snapshot too, and nobody waits for an answer.
      snapshot.connection.close();
      return;
    }
    if (this.#spare.length < snapshotConnectionsKept) this.#spare.push(snapshot);
    else snapshot.connection.close();
  }

  #allReaders(): Reader[] {
    return [
      ...(this.#main === undefined ? [] : [this.#main]),
      ...this.#spare,
      ...this.#snapshots.values(),
    ];
  }

  #readings(): ConnectionReading[] {
    const { name } = this.#start;
    this.#main ??= this.#openReader(this.#onePage);
    return this.#allReaders().map(({ connection }, index) => ({
      name: index === 0 ? name : `${name}-snapshot-${index}`,
      role: "reader",
      thread: name,
      pragmas: attest(connection, index === 0 ? this.#onePage : this.#held),
    }));
  }

  #openReader(open: OpenConnection): Reader {
    const connection = openConnection(open);
    const verifyChecksums = this.#start.options.verifyChecksumsOnRead;
    const table = new TableReader(connection, { verifyChecksums });
    return { connection, table, log: new LogReader(connection) };
  }

  /** On the connection of single pages; what looks damaged is asked of another one. */
  #onMain<T>(read: (reader: Reader) => T): T {
    this.#main ??= this.#openReader(this.#onePage);
    const fresh = (): Reader => this.#openReader(this.#onePage);
    return readTwice(this.#main, { fresh, read, onRepeated: this.#onRepeated });
  }
}

function pointsOf(table: TableReader, message: ToReader & { kind: "points" }): PointsReply {
  const { namespace, missing } = message;
  const keys = unpackKeys(message.keys);
  const head = missing === undefined ? undefined : table.head(namespace)?.revision;
  const missingOnly = missing !== undefined && missing.head === head;
  const wanted = missingOnly ? Array.from(missing.places, (place) => keys[place] as Key) : keys;
  const points = table.packedPoints(namespace, wanted, message);
  return { head: points.head?.revision, packed: points.packed, missingOnly };
}

function pageOf(
  table: TableReader,
  head: Head,
  message: { readonly read: PageRead; readonly nowMs: number },
): Transferring<never> {
  const rows = table.page(head, message.read, message.nowMs);
  const reply: PageReply = { ...rows, head: head?.revision };
  return transfer(reply, rows.packed);
}

function logPage(page: LogPage): LogPage | Transferring<never> {
  return page.kind === "entries" ? transfer(page, page.payloads) : page;
}

function transfer(reply: unknown, bytes: Uint8Array<ArrayBuffer>): Transferring<never> {
  return new Transferring(reply as never, [bytes.buffer]);
}

function snapshotGone(): EngineError {
  return new EngineError("snapshot-expired", "the snapshot has ended", {
    hint: "continue with a new scan after the last key that was received",
  });
}
