/** What an operator may ask about tenants. */
import type { Namespace, Revision } from "./model.js";

export interface NamespaceSettings {
  /** Live bytes (keys and values) the namespace may hold; undefined = no quota. */
  readonly quotaBytes: number | undefined;
  readonly quotaKeys: number | undefined;
  /** How much of the log stays for Watch and retries; undefined = the store's default. */
  readonly retentionMs: number | undefined;
  readonly retentionBytes: number | undefined;
  readonly retentionRevisions: number | undefined;
  /** Keep replaced versions, so that past revisions can be read. */
  readonly historyReads: boolean;
  readonly blockReads: boolean;
  readonly blockWrites: boolean;
  /** Shown to callers that are blocked. */
  readonly blockReason: string;
}

export interface NamespaceInfo {
  readonly name: Namespace;
  readonly createdAtMs: number;
  readonly keys: number;
  /** Bytes of live keys and values. */
  readonly liveBytes: number;
  /** Bytes of retained log entries and replaced versions. */
  readonly historyBytes: number;
  readonly head: Revision;
  /** The oldest revision that Watch can start from. */
  readonly oldest: Revision;
  readonly settings: NamespaceSettings;
}

export interface NamespaceAdmin {
  /** Throws EngineError "namespace-exists". Settings left out take their defaults. */
  create(name: Namespace, settings: Partial<NamespaceSettings>): Promise<NamespaceInfo>;
  /** Throws EngineError "namespace-missing". */
  get(name: Namespace): NamespaceInfo;
  /** In the order of their names, strictly after `after`. */
  list(page: { readonly after: string; readonly rowsMax: number }): readonly NamespaceInfo[];
}

export const defaultNamespaceSettings: NamespaceSettings = Object.freeze({
  quotaBytes: undefined,
  quotaKeys: undefined,
  retentionMs: undefined,
  retentionBytes: undefined,
  retentionRevisions: undefined,
  historyReads: false,
  blockReads: false,
  blockWrites: false,
  blockReason: "",
});
