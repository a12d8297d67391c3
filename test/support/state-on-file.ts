/**
 * The writer's half of the engine in the test's own thread: the same log, state machine and group
 * commit on a real file, without the threads and the queue, so that a property can try thousands of
 * groups.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { groupCommit } from "../../src/engine/commit/group-commit.js";
import { WriterStore } from "../../src/engine/commit/writer-store.js";
import { ByteReader } from "../../src/engine/record/byte-reader.js";
import { ByteWriter } from "../../src/engine/record/byte-writer.js";
import { readRequest, writeRequest } from "../../src/engine/record/request-codec.js";
import { type Connection, openConnection } from "../../src/engine/sqlite/connection.js";
import { systemClock } from "../../src/foundation/clock.js";
import { Failpoints } from "../../src/foundation/failpoint.js";
import { systemRandom } from "../../src/foundation/random.js";
import type { TxnRequest, TxnResult } from "../../src/storage/model.js";
import type { GroupMember } from "../../src/storage/state-machine.js";
import type { Outcome } from "../../src/storage/storage-engine.js";
import { type Ending, tempDirectory } from "./temp-directory.js";
import { testOptions } from "./temp-engine.js";

export interface StateSetup {
  readonly file?: string;
  readonly namespaceAutoCreate?: boolean;
  readonly failpoints?: string;
  readonly nowMs?: number;
}

export const startMs = 1_700_000_000_000;

export class StateOnFile {
  readonly store: WriterStore;
  readonly file: string;

  private constructor(store: WriterStore, file: string) {
    this.store = store;
    this.file = file;
  }

  /** Opens the file, a new one unless it is named; a store that is still open is closed at the end. */
  static open(ending: Ending, setup: StateSetup = {}): StateOnFile {
    const stores: WriterStore[] = [];
    ending.after(() => {
      for (const one of stores) if (one.connection.open) one.connection.close();
    });
    const file = setup.file ?? join(tempDirectory(ending), "kv.db");
    const options = {
      ...testOptions(file),
      synchronous: "OFF" as const,
      namespaceAutoCreate: setup.namespaceAutoCreate ?? true,
    };
    const files = { walFile: `${file}-wal`, reserveFile: `${file}.reserve` };
    const start = { options, ...files, failpoints: "", recovered: false, expected: undefined };
    const failpoints = Failpoints.parse(setup.failpoints ?? "");
    const ports = { clock: systemClock(), random: systemRandom(), failpoints };
    const { store } = WriterStore.open(start, ports, setup.nowMs ?? startMs);
    stores.push(store);
    return new StateOnFile(store, file);
  }

  /** Commits the requests as one group, at this time. Throws when the group ended otherwise. */
  async commit(
    requests: readonly TxnRequest[],
    nowMs: number = startMs,
  ): Promise<readonly Outcome<TxnResult>[]> {
    const { state, log, tenure } = this.store;
    this.store.setTime(nowMs);
    const end = await groupCommit(state, log, requests.map(memberOf), tenure);
    if (end.kind !== "done") throw new Error(`the group ended ${end.kind}`);
    return end.outcomes;
  }

  /** A read-only connection to the same file, closed before the store is. */
  reader(ending: Ending): Connection {
    const pragmas = { ...testOptions(this.file), synchronous: "OFF" as const };
    const connection = openConnection({ file: this.file, role: "reader", pragmas });
    ending.after(() => {
      connection.close();
    });
    return connection;
  }

  close(): void {
    this.store.connection.close();
  }
}

/** As the writer thread makes them: from the request's own bytes. */
export function memberOf(request: TxnRequest): GroupMember {
  const out = new ByteWriter();
  writeRequest(out, request);
  const bytes = out.finish();
  const { request: read, bodyBytes } = readRequest(new ByteReader(bytes), bytes);
  return { request: read, digest: () => createHash("sha256").update(bodyBytes).digest() };
}
