/** etcd's messages, encoded and decoded by its own protocol description. */
import { fileURLToPath } from "node:url";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";

const description = fileURLToPath(
  new URL("../../../../test/bench/peers/etcd.proto", import.meta.url),
);

interface EtcdRange {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
  readonly limit?: number;
  readonly serializable: boolean;
}

interface EtcdPut {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

type EtcdOperation = { readonly requestRange: EtcdRange } | { readonly requestPut: EtcdPut };

interface EtcdRangeAnswer {
  readonly kvs: readonly { readonly key: Buffer; readonly value: Buffer }[];
  readonly more: boolean;
}

interface EtcdTxnAnswer {
  readonly succeeded: boolean;
  readonly responses: readonly unknown[];
}

export interface EtcdMessages {
  range(request: EtcdRange): Buffer;
  put(request: EtcdPut): Buffer;
  txn(success: readonly EtcdOperation[]): Buffer;
  rangeAnswer(bytes: Buffer): EtcdRangeAnswer;
  txnAnswer(bytes: Buffer): EtcdTxnAnswer;
}

export const etcdPath = {
  range: "/etcdserverpb.KV/Range",
  put: "/etcdserverpb.KV/Put",
  txn: "/etcdserverpb.KV/Txn",
} as const;

export function etcdMessages(): EtcdMessages {
  const service = loadSync(description, { defaults: true })["etcdserverpb.KV"] as Record<
    string,
    MethodDefinition<object, object>
  >;
  const method = (name: string): MethodDefinition<object, object> => {
    const found = service[name];
    if (found === undefined) throw new Error(`${description} has no method ${name}`);
    return found;
  };
  return {
    range: (request) => method("Range").requestSerialize(request),
    put: (request) => method("Put").requestSerialize(request),
    txn: (success) => method("Txn").requestSerialize({ success }),
    rangeAnswer: (bytes) => method("Range").responseDeserialize(bytes) as EtcdRangeAnswer,
    txnAnswer: (bytes) => method("Txn").responseDeserialize(bytes) as EtcdTxnAnswer,
  };
}
