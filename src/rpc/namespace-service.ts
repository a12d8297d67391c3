/** NamespaceService: tenants, their settings and what they hold. */
import { blockReasonBytesMax } from "../storage/limits.js";
import type { Revision } from "../storage/model.js";
import {
  defaultNamespaceSettings,
  type NamespaceInfo,
  type NamespaceSettings,
} from "../storage/namespaces.js";
import type {
  CreateNamespaceRequest,
  CreateNamespaceResponse,
  DeleteNamespaceRequest,
  DeleteNamespaceResponse,
  GetNamespaceRequest,
  GetNamespaceResponse,
  ListNamespacesRequest,
  ListNamespacesResponse,
  LogRetention,
  UpdateNamespaceRequest,
  UpdateNamespaceResponse,
  NamespaceInfo as WireNamespaceInfo,
  NamespaceSettings as WireNamespaceSettings,
} from "../wire/kvdb/v1/namespace.js";
import type { Unary } from "./call.js";
import { decodeNamespace, decodePageSize } from "./decode.js";
import { durationMs } from "./decode-expiry.js";
import { encodeDuration, encodeTime } from "./encode.js";
import type { EngineAccess } from "./engine-access.js";
import { invalid, refuse } from "./error-details.js";

export class NamespaceService {
  readonly #access: EngineAccess;

  constructor(access: EngineAccess) {
    this.#access = access;
  }

  readonly create: Unary<CreateNamespaceRequest, CreateNamespaceResponse> = async (request) => {
    const name = decodeNamespace(request.namespace);
    const settings = decodeSettings(request.settings);
    const info = await this.#access.current.namespaces.create(name, settings);
    return { namespace: encodeInfo(info) };
  };

  readonly update: Unary<UpdateNamespaceRequest, UpdateNamespaceResponse> = async (request) => {
    const name = decodeNamespace(request.namespace);
    if (request.settings === undefined) throw settingsMissing();
    const given = decodeSettings(request.settings);
    const settings = maskedSettings(given, request.updateMask ?? []);
    const info = await this.#access.current.namespaces.update(name, settings);
    return { namespace: encodeInfo(info) };
  };

  readonly delete: Unary<DeleteNamespaceRequest, DeleteNamespaceResponse> = async (request) => {
    const name = decodeNamespace(request.namespace);
    const { keys } = await this.#access.current.namespaces.delete(name);
    return { deletedCount: keys };
  };

  readonly get: Unary<GetNamespaceRequest, GetNamespaceResponse> = (request) => {
    const name = decodeNamespace(request.namespace);
    return { namespace: encodeInfo(this.#access.current.namespaces.get(name)) };
  };

  readonly list: Unary<ListNamespacesRequest, ListNamespacesResponse> = (request) => {
    const rowsMax = decodePageSize(request.pageSize);
    const { tokens } = this.#access;
    const from =
      request.pageToken === ""
        ? undefined
        : tokens.open("namespaces", [], request.pageToken, "page_token");
    const after = from === undefined ? "" : Buffer.from(from.lastKey).toString("latin1");
    // One more than wanted tells whether there is a next page.
    const found = this.#access.current.namespaces.list({ after, rowsMax: rowsMax + 1 });
    const page = found.slice(0, rowsMax);
    const last = page.at(-1);
    const nextPageToken =
      last === undefined || found.length <= rowsMax
        ? ""
        : tokens.issue("namespaces", [], {
            revision: 0n as Revision,
            lastKey: Buffer.from(last.name, "latin1"),
          });
    return { namespaces: page.map(encodeInfo), nextPageToken };
  };
}

/** An absent field is a setting not spoken of: it takes its default. */
export function decodeSettings(
  settings: WireNamespaceSettings | undefined,
): Partial<NamespaceSettings> {
  if (settings === undefined) return {};
  const { historyReads, blockReads, blockWrites, blockReason, logRetention } = settings;
  if (blockReason !== undefined && Buffer.byteLength(blockReason) > blockReasonBytesMax) {
    throw invalid("ARGUMENT_INVALID", {
      field: "settings.block_reason",
      message: `settings.block_reason has more than ${String(blockReasonBytesMax)} bytes`,
      hint: "shorten it",
      limit: blockReasonBytesMax,
      actual: Buffer.byteLength(blockReason),
    });
  }
  return withoutAbsent({
    quotaBytes: bound(settings.quotaBytes, "quota_bytes"),
    quotaKeys: bound(settings.quotaKeys, "quota_keys"),
    retentionMs: retentionAge(logRetention),
    retentionBytes: bound(logRetention?.bytes, "log_retention.bytes"),
    retentionRevisions: bound(logRetention?.revisions, "log_retention.revisions"),
    historyReads,
    blockReads,
    blockWrites,
    blockReason,
  });
}

type SettingName = keyof NamespaceSettings;

/** The paths of an update mask and the settings each stands for. */
const settingsOfPath: Readonly<Record<string, readonly SettingName[]>> = {
  quota_bytes: ["quotaBytes"],
  quota_keys: ["quotaKeys"],
  log_retention: ["retentionMs", "retentionBytes", "retentionRevisions"],
  "log_retention.age": ["retentionMs"],
  "log_retention.bytes": ["retentionBytes"],
  "log_retention.revisions": ["retentionRevisions"],
  history_reads: ["historyReads"],
  block_reads: ["blockReads"],
  block_writes: ["blockWrites"],
  block_reason: ["blockReason"],
};

/** Without a mask what is present; with one exactly what it names, absent ones at their default. */
function maskedSettings(
  given: Partial<NamespaceSettings>,
  mask: readonly string[],
): Partial<NamespaceSettings> {
  if (mask.length === 0) return given;
  const names = mask.flatMap((path) => settingsOfPath[path] ?? unknownPath(path));
  return Object.fromEntries(
    names.map((name) => [name, given[name] ?? defaultNamespaceSettings[name]]),
  );
}

function unknownPath(path: string): never {
  throw invalid("ARGUMENT_INVALID", {
    field: "update_mask",
    message: `update_mask names ${JSON.stringify(path.slice(0, 64))}, which is no setting`,
    hint: `use some of ${Object.keys(settingsOfPath).join(", ")}`,
  });
}

function settingsMissing(): Error {
  return invalid("ARGUMENT_INVALID", {
    field: "settings",
    message: "settings is missing",
    hint: "send the settings to change",
  });
}

/** A setting that is not spoken of must not be there at all: undefined would reset it. */
function withoutAbsent(
  settings: Readonly<Record<string, number | boolean | string | undefined>>,
): Partial<NamespaceSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** 0 = no bound; absent = not spoken of. */
function bound(value: bigint | undefined, field: string): number | undefined {
  if (value === undefined) return undefined;
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw invalid("ARGUMENT_INVALID", {
    field: `settings.${field}`,
    message: `settings.${field} is above ${String(Number.MAX_SAFE_INTEGER)}`,
    hint: "send 0 for no bound",
    limit: Number.MAX_SAFE_INTEGER,
  });
}

function retentionAge(retention: LogRetention | undefined): number | undefined {
  const age = retention?.age;
  if (age === undefined) return undefined;
  const ms = durationMs(age);
  if (ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return ms;
  throw refuse("TTL_INVALID", {
    message: "settings.log_retention.age is out of range",
    hint: "send 0 for no bound by age",
    field: "settings.log_retention.age",
  });
}

function encodeInfo(info: NamespaceInfo): WireNamespaceInfo {
  const { settings } = info;
  return {
    name: info.name,
    settings: {
      quotaBytes: BigInt(settings.quotaBytes ?? 0),
      quotaKeys: BigInt(settings.quotaKeys ?? 0),
      logRetention: {
        age: settings.retentionMs === undefined ? undefined : encodeDuration(settings.retentionMs),
        bytes: optionalBigint(settings.retentionBytes),
        revisions: optionalBigint(settings.retentionRevisions),
      },
      historyReads: settings.historyReads,
      blockReads: settings.blockReads,
      blockWrites: settings.blockWrites,
      blockReason: settings.blockReason,
    },
    stats: {
      keys: info.keys,
      liveBytes: info.liveBytes,
      historyBytes: info.historyBytes,
      headRevision: info.head,
      oldestRevision: info.oldest,
      createTime: encodeTime(info.createdAtMs),
    },
  };
}

function optionalBigint(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}
