/** Finds the daemon: --address, else KVDB_ADDRESS, else the daemon's own default. */
import { KvClient, type KvClientOptions } from "../client/index.js";
import { clientEnvironment } from "../config/client-environment.js";

const addressDefault = "127.0.0.1:50051";

export interface ConnectChoice {
  readonly address: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly retry?: KvClientOptions["retry"];
}

/** A client whose connection stands. Fails at once when nobody listens there. */
export async function connectTo({ address, timeoutMs, retry }: ConnectChoice): Promise<KvClient> {
  const client = KvClient.open({
    address: address ?? clientEnvironment().address ?? addressDefault,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(retry !== undefined && { retry }),
  });
  try {
    await client.connect({ mode: "fail-fast", ...(timeoutMs !== undefined && { timeoutMs }) });
    return client;
  } catch (cause) {
    client.close();
    throw cause;
  }
}
