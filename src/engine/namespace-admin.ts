/** Tenants as operators see them: read on the main thread, made by the writer. */
import type { Log } from "../observability/log.js";
import { EngineError, errorOf } from "../storage/errors.js";
import { namespacesMax } from "../storage/limits.js";
import type { Namespace, Revision } from "../storage/model.js";
import type { NamespaceAdmin, NamespaceInfo, NamespaceSettings } from "../storage/namespaces.js";
import type { AdminMessage } from "./commit/writer-admin.js";
import type { AdminReply, LatchedFault } from "./commit/writer-protocol.js";
import type { EngineTime } from "./engine-time.js";
import { emptyLogSpan, type LogSpan, type LogSpanColumns, logSpanOf } from "./log/log-span.js";
import type { Connection } from "./sqlite/connection.js";
import { prepareRows, sql } from "./sqlite/statements.js";
import {
  lastTombstone,
  type NamespaceColumns,
  type NamespaceRow,
  namespaceRowOf,
} from "./state/namespace-table.js";
import { type PastSpanColumns, pastSpanOf } from "./state/past-table.js";

export interface NamespaceAdminPorts {
  readonly connection: Connection;
  readonly log: Log;
  readonly time: EngineTime;
  ask(message: AdminMessage): Promise<AdminReply>;
  /** Throws the refusal of a state that takes no writes. */
  assertWritable(): void;
  /** Throws "disk-full" while nothing new may be made. */
  assertRoom(): void;
  /** Runs a read; what looks damaged is read anew before it is believed. */
  looking<T>(read: () => T): T;
  /** A caller is about to be shown this head. */
  saw(name: Namespace, head: Revision): void;
  /** Its settings are others now. */
  onChanged(name: Namespace): void;
  /** It is gone, whatever stands under its name by now. */
  onDeleted(name: Namespace): void;
  onFault(fault: LatchedFault): void;
}

export class LocalNamespaces implements NamespaceAdmin {
  readonly #ports: NamespaceAdminPorts;
  readonly #byName;
  readonly #after;
  readonly #blockedReads = new Map<Namespace, string>();
  readonly #span;
  readonly #past;

  constructor(ports: NamespaceAdminPorts) {
    const { connection } = ports;
    this.#ports = ports;
    this.#byName = prepareRows<[string], NamespaceColumns>(connection, sql.namespaceByName);
    this.#after = prepareRows<[string, number], NamespaceColumns>(connection, sql.namespacesAfter);
    this.#span = prepareRows<[number], LogSpanColumns>(connection, sql.logSpanGet);
    this.#past = prepareRows<[number], PastSpanColumns>(connection, sql.pastSpanGet);
    for (const info of this.list({ after: "", rowsMax: namespacesMax })) this.#noteBlock(info);
  }

  async create(name: Namespace, settings: Partial<NamespaceSettings>): Promise<NamespaceInfo> {
    this.#ports.assertWritable();
    this.#ports.assertRoom();
    await this.#ask({ kind: "create-namespace", name, settings, nowMs: this.#ports.time.nowMs() });
    this.#ports.log.event("namespace.created", { namespace: name });
    return this.#noteBlock(this.get(name));
  }

  async update(name: Namespace, settings: Partial<NamespaceSettings>): Promise<NamespaceInfo> {
    await this.#ask({ kind: "update-namespace", name, settings, nowMs: this.#ports.time.nowMs() });
    const info = this.#noteBlock(this.get(name));
    this.#ports.onChanged(name);
    return info;
  }

  async delete(name: Namespace): Promise<{ readonly keys: number }> {
    // The state of the store comes before what is in it.
    this.#ports.assertWritable();
    const { keys } = this.get(name);
    await this.#ask({ kind: "delete-namespace", name, nowMs: this.#ports.time.nowMs() });
    this.#blockedReads.delete(name);
    this.#ports.onDeleted(name);
    this.#ports.log.event("namespace.deleted", { namespace: name });
    return { keys };
  }

  /** Throws "namespace-blocked". A look at a small map: it stands before every read. */
  assertReadable(name: Namespace): void {
    const reason = this.#blockedReads.get(name);
    if (reason === undefined) return;
    throw new EngineError("namespace-blocked", `reads are blocked: ${reason}`, {
      hint: "an operator has blocked reads of this namespace",
      facts: { namespace: name },
    });
  }

  get(name: Namespace): NamespaceInfo {
    this.#assertOpen();
    return this.#ports.looking(() => {
      const columns = this.#byName.get(name);
      if (columns === undefined) throw namespaceMissing(name);
      return this.#infoOf(namespaceRowOf(columns));
    });
  }

  list(page: { readonly after: string; readonly rowsMax: number }): readonly NamespaceInfo[] {
    this.#assertOpen();
    const after = page.after === "" ? lastTombstone : page.after;
    return this.#ports.looking(() => {
      const rows = this.#after.all(after, page.rowsMax);
      return rows.map((columns) => this.#infoOf(namespaceRowOf(columns)));
    });
  }

  /** An operator may look while the store drains, but not once it is closed. */
  #assertOpen(): void {
    if (this.#ports.connection.open) return;
    throw new EngineError("draining", "the store is closed", { hint: "retry at another instance" });
  }

  #noteBlock(info: NamespaceInfo): NamespaceInfo {
    if (info.settings.blockReads) this.#blockedReads.set(info.name, info.settings.blockReason);
    else this.#blockedReads.delete(info.name);
    return info;
  }

  async #ask(message: AdminMessage): Promise<void> {
    this.#ports.assertWritable();
    const reply = await this.#ports.ask(message);
    if (reply.kind === "refused") throw errorOf(reply.refusal);
    if (reply.kind !== "latched") return;
    this.#ports.onFault(reply.fault);
    throw new EngineError("storage-fault", `the store has stopped: ${reply.fault.code}`, {
      hint: reply.fault.outcomeUnknown
        ? "the change may or may not be there after the restart; look before you retry"
        : "nothing was changed; repeat it after the restart",
    });
  }

  #infoOf(row: NamespaceRow): NamespaceInfo {
    const columns = this.#span.get(row.id);
    const span: LogSpan = columns === undefined ? emptyLogSpan : logSpanOf(row.id, columns);
    const past = this.#past.get(row.id);
    const history = past === undefined ? undefined : pastSpanOf(row.id, past);
    const { name, createdAtMs, keys, liveBytes, head, settings } = row;
    this.#ports.saw(name, head);
    return {
      name,
      createdAtMs,
      keys,
      liveBytes,
      historyBytes: span.bytes + (history?.bytes ?? 0),
      logBytes: span.bytes,
      head,
      oldest: span.oldest,
      readableSince: history?.since,
      settings,
    };
  }
}

export function namespaceMissing(name: Namespace): EngineError {
  return new EngineError("namespace-missing", "the namespace does not exist", {
    hint: "create it with NamespaceService/CreateNamespace, or check its spelling",
    facts: { namespace: name },
  });
}
