/**
 * The writer's own transactions beside groups: namespaces made, changed and taken away, slices of
 * trimming, purging and vacuuming, the count of failed checks. Each is short, because callers' groups wait behind it.
 */
import { unreachable } from "../../foundation/assert.js";
import { EngineError } from "../../storage/errors.js";
import { purgeRowsPerSlice, trimRowsPerSlice, vacuumPagesPerSlice } from "../../storage/limits.js";
import type { Namespace, Revision } from "../../storage/model.js";
import type { NamespaceRow } from "../state/namespace-table.js";
import type { ToWriter } from "./writer-protocol.js";
import type { WriterStore } from "./writer-store.js";

export type AdminMessage = Extract<
  ToWriter,
  {
    readonly kind:
      | "create-namespace"
      | "update-namespace"
      | "delete-namespace"
      | "purge-slice"
      | "trim-slice"
      | "vacuum-slice"
      | "probe-write"
      | "count-integrity-failure";
  }
>;

/** True = nothing is left to do. Throws EngineError for a refusal; the caller rolls back. */
export function performAdmin(message: AdminMessage, writer: WriterStore): boolean {
  switch (message.kind) {
    case "create-namespace":
      return createNamespace(message, writer);
    case "update-namespace":
      return updateNamespace(message, writer);
    case "delete-namespace":
      return deleteNamespace(message, writer);
    case "purge-slice":
      return purgeSlice(writer);
    case "trim-slice":
      return trimSlice(message, writer);
    case "vacuum-slice":
      return vacuumSlice(message, writer);
    case "probe-write":
      return writer.transact(() => true);
    case "count-integrity-failure":
      return writer.countIntegrityFailure();
    default:
      return unreachable(message);
  }
}

function createNamespace(
  { name, settings, nowMs }: AdminMessage & { kind: "create-namespace" },
  writer: WriterStore,
): boolean {
  const { namespaces } = writer.state;
  return writer.transact(() => {
    if (namespaces.find(name) !== undefined) {
      throw new EngineError("namespace-exists", "the namespace exists already", {
        hint: "use it, or choose another name",
        facts: { namespace: name },
      });
    }
    const row = namespaces.fresh(name, nowMs, settings);
    namespaces.stage(row);
    if (row.settings.historyReads) writer.past.begin(row.id, row.head);
    return true;
  });
}

function updateNamespace(
  { name, settings }: AdminMessage & { kind: "update-namespace" },
  writer: WriterStore,
): boolean {
  return writer.transact(() => {
    const row = existing(name, writer);
    const next = { ...row, settings: { ...row.settings, ...settings } };
    writer.state.namespaces.stage(next);
    const before = row.settings.historyReads;
    if (!before && next.settings.historyReads) writer.past.begin(row.id, row.head);
    if (before && !next.settings.historyReads) writer.past.end(row.id);
    return true;
  });
}

function deleteNamespace(
  { name }: AdminMessage & { kind: "delete-namespace" },
  writer: WriterStore,
): boolean {
  return writer.transact(() => {
    const row = existing(name, writer);
    const buried = writer.state.namespaces.bury(row);
    const oldest = (buried.head + 1n) as Revision;
    writer.spans.write(buried.id, { oldest, tail: buried.head, entries: 0, bytes: 0 });
    writer.statements.purgeAdd.run(row.id);
    return true;
  });
}

/** Rows of one table after the other, until nothing of the namespace is left. */
function purgeSlice(writer: WriterStore): boolean {
  const { statements } = writer;
  const ns = statements.purgeNext.get();
  if (ns === undefined) return true;
  return writer.transact(() => {
    let left = purgeRowsPerSlice;
    for (const purge of statements.purges) {
      left -= purge.run(ns, left).changes;
      if (left <= 0) return false;
    }
    statements.logSpanDrop.run(ns);
    writer.past.drop(ns);
    statements.purgeDone.run(ns);
    return false;
  });
}

function trimSlice(
  { name, upTo }: AdminMessage & { kind: "trim-slice" },
  writer: WriterStore,
): boolean {
  return writer.transact(() => {
    const row = existing(name, writer);
    const bound = upTo < row.head ? upTo : row.head;
    const log = writer.trim.slice(row.id, bound);
    // Without history every replaced version that is still there may go.
    const replaced = row.settings.historyReads ? bound : row.head;
    const past = writer.past.trim(row.id, replaced, trimRowsPerSlice);
    return log && past;
  });
}

/** Outside of a transaction of ours: the pragma makes its own. */
function vacuumSlice(
  { pagesMax = vacuumPagesPerSlice }: AdminMessage & { kind: "vacuum-slice" },
  writer: WriterStore,
): boolean {
  writer.state.assertSole();
  writer.connection.pragma(`incremental_vacuum(${pagesMax})`);
  writer.room.note();
  return (writer.connection.pragma("freelist_count", { simple: true }) as number) === 0;
}

function existing(name: Namespace, writer: WriterStore): NamespaceRow {
  const row = writer.state.namespaces.find(name);
  if (row !== undefined) return row;
  throw new EngineError("namespace-missing", "the namespace does not exist", {
    hint: "check its spelling, or create it with NamespaceService/CreateNamespace",
    facts: { namespace: name },
  });
}
