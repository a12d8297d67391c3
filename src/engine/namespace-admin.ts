/** Tenants as operators see them: read on the main thread, made by the writer. */
import type { Clock } from "../foundation/clock.js";
import type { Log } from "../observability/log.js";
import { EngineError, errorOf } from "../storage/errors.js";
import type { Namespace } from "../storage/model.js";
import type { NamespaceAdmin, NamespaceInfo, NamespaceSettings } from "../storage/namespaces.js";
import type { CreateNamespaceReply, LatchedFault } from "./commit/writer-protocol.js";
import { emptyLogSpan, type LogSpan, type LogSpanColumns, logSpanOf } from "./log/log-span.js";
import type { Connection } from "./sqlite/connection.js";
import { prepareRows, sql } from "./sqlite/statements.js";
import {
  type NamespaceColumns,
  type NamespaceRow,
  namespaceRowOf,
} from "./state/namespace-table.js";

export interface NamespaceAdminPorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly log: Log;
  create(
    name: Namespace,
    settings: Partial<NamespaceSettings>,
    nowMs: number,
  ): Promise<CreateNamespaceReply>;
  onFault(fault: LatchedFault): void;
}

export class LocalNamespaces implements NamespaceAdmin {
  readonly #ports: NamespaceAdminPorts;
  readonly #byName;
  readonly #after;
  readonly #span;

  constructor(ports: NamespaceAdminPorts) {
    const { connection } = ports;
    this.#ports = ports;
    this.#byName = prepareRows<[string], NamespaceColumns>(connection, sql.namespaceByName);
    this.#after = prepareRows<[string, number], NamespaceColumns>(connection, sql.namespacesAfter);
    this.#span = prepareRows<[number], LogSpanColumns>(connection, sql.logSpanGet);
  }

  async create(name: Namespace, settings: Partial<NamespaceSettings>): Promise<NamespaceInfo> {
    const { clock, log } = this.#ports;
    const reply = await this.#ports.create(name, settings, clock.wallMs());
    if (reply.kind === "refused") throw errorOf(reply.refusal);
    if (reply.kind === "latched") {
      this.#ports.onFault(reply.fault);
      throw new EngineError("storage-fault", `the store has stopped: ${reply.fault.code}`, {
        hint: "the namespace may or may not exist after the restart; look before you retry",
      });
    }
    log.event("namespace.created", { namespace: name });
    return this.get(name);
  }

  get(name: Namespace): NamespaceInfo {
    const columns = this.#byName.get(name);
    if (columns === undefined) throw namespaceMissing(name);
    return this.#infoOf(namespaceRowOf(columns));
  }

  list(page: { readonly after: string; readonly rowsMax: number }): readonly NamespaceInfo[] {
    const rows = this.#after.all(page.after, page.rowsMax);
    return rows.map((columns) => this.#infoOf(namespaceRowOf(columns)));
  }

  #infoOf(row: NamespaceRow): NamespaceInfo {
    const columns = this.#span.get(row.id);
    const span: LogSpan = columns === undefined ? emptyLogSpan : logSpanOf(row.id, columns);
    const { name, createdAtMs, keys, liveBytes, head, settings } = row;
    const historyBytes = span.bytes;
    return {
      name,
      createdAtMs,
      keys,
      liveBytes,
      historyBytes,
      head,
      oldest: span.oldest,
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
