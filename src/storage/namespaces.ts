/** What an operator may ask about tenants. */
import type { Namespace, Revision } from "./model.js";

export interface NamespaceSettings {
  /** Live bytes (keys and values) the namespace may hold; undefined or 0 = no quota. */
  readonly quotaBytes: number | undefined;
  readonly quotaKeys: number | undefined;
  /** How much of the log stays for Watch; undefined = the store's default, 0 = no such bound. */
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
  /** Bytes of retained log entries alone. */
  readonly logBytes: number;
  readonly head: Revision;
  /** The oldest revision that Watch can start from. */
  readonly oldest: Revision;
  /** The oldest revision whose state can be read; undefined = only the present one. */
  readonly readableSince: Revision | undefined;
  readonly settings: NamespaceSettings;
}

/** Tenants, made, changed, listed and taken away. Changes are on disk when they resolve. */
export interface NamespaceAdmin {
  /** Throws EngineError "namespace-exists". Settings left out take their defaults. */
  create(name: Namespace, settings: Partial<NamespaceSettings>): Promise<NamespaceInfo>;
  /** Throws EngineError "namespace-missing". */
  get(name: Namespace): NamespaceInfo;
  /** Settings left out stay. Throws EngineError "namespace-missing". */
  update(name: Namespace, settings: Partial<NamespaceSettings>): Promise<NamespaceInfo>;
  /**
   * The name is free when this resolves; what stood under it is purged in slices afterwards. A
   * namespace made later under the name goes on above its head, with one revision left out for the
   * deletion. Resolves with how many live keys went with it.
   */
  delete(name: Namespace): Promise<{ readonly keys: number }>;
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
