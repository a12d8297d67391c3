/** A whole range from one snapshot, entry by entry, for the commands that read much. */
import {
  type DeepPartial,
  type KeyRange,
  type KeyValue,
  type KvClient,
  KvError,
  type ResponseHeader,
} from "../client/index.js";

export interface ScanAsked {
  readonly namespace: string;
  readonly range: DeepPartial<KeyRange>;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  readonly revision?: bigint;
}

export interface ScanPart {
  readonly header: ResponseHeader | undefined;
  readonly kvs: readonly KeyValue[];
}

export interface ScanOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  /**
   * Told when the server cut the stream and it is gone on with. The rest is then read from a newer
   * snapshot, unless the namespace keeps history. Undefined: a cut is an error.
   */
  readonly onResume: ((error: KvError) => void) | undefined;
}

export async function* scanParts(
  client: KvClient,
  asked: ScanAsked,
  { signal, timeoutMs, onResume }: ScanOptions,
): AsyncGenerator<ScanPart, void, undefined> {
  const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
  let resumeToken = "";
  for (;;) {
    try {
      for await (const part of client.kv.scan({ ...asked, resumeToken }, limits)) {
        yield part;
        resumeToken = part.resumeToken;
      }
      return;
    } catch (cause) {
      const error = KvError.from(cause);
      const wasCut = error.reason === "SLOW_CONSUMER" && resumeToken !== "";
      if (onResume === undefined || !wasCut) throw error;
      onResume(error);
    }
  }
}
