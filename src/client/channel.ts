/**
 * One connection to one server: how an address is written, and every transport option that matters,
 * stated with its reason.
 */
import { type ChannelOptions, Client, connectivityState, credentials, status } from "@grpc/grpc-js";
import {
  keepaliveIntervalMs,
  keepaliveTimeoutMs,
  receiveBytesMax,
  reconnectDelayMsMax,
  reconnectFirstDelayMs,
  streamWindowBytes,
} from "./client-limits.js";
import { addressInvalid, KvError, notConnected } from "./kv-error.js";

const options: ChannelOptions = {
  // The server bounds what it sends; the library's 4 MiB would cut answers that are in order.
  "grpc.max_receive_message_length": receiveBytesMax,
  "grpc.max_send_message_length": -1,
  "grpc.keepalive_time_ms": keepaliveIntervalMs,
  "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
  "grpc.initial_reconnect_backoff_ms": reconnectFirstDelayMs,
  "grpc.max_reconnect_backoff_ms": reconnectDelayMsMax,
  // Retries are ours: the library reads neither reasons nor RetryInfo.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // A connection of its own: closing the client closes it, and no other client's back-off counts.
  "grpc.use_local_subchannel_pool": 1,
  // A proxy of the environment is meant for the web, not for a database on this machine.
  "grpc.enable_http_proxy": 0,
  "grpc-node.flow_control_window": streamWindowBytes,
};

/** `host:port`, `[v6]:port` and `unix:/path`, as the server's own setting spells them. */
export function targetOf(address: string): string {
  if (/^unix:\/[^/]/.test(address)) return address;
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (match !== null && port >= 1 && port <= 65_535) return `dns:${address}`;
  throw new KvError({
    code: status.INVALID_ARGUMENT,
    reason: addressInvalid,
    message: `${JSON.stringify(address)} is no address`,
    hint: "write host:port, [ip6]:port or unix:/path/to/socket",
  });
}

export function openChannel(address: string): Client {
  return new Client(targetOf(address), credentials.createInsecure(), options);
}

/** Whether to go on trying when the first attempt to connect fails. */
export type ConnectMode = "fail-fast" | "keep-trying";

/**
 * Resolves when the connection stands. Fails with UNAVAILABLE and the reason NOT_CONNECTED, which
 * says that nothing was sent.
 */
export async function connectChannel(
  channel: Client,
  address: string,
  until: { readonly deadlineMs: number; readonly mode: ConnectMode },
): Promise<void> {
  const inner = channel.getChannel();
  for (;;) {
    const state = inner.getConnectivityState(true);
    if (state === connectivityState.READY) return;
    const refused = state === connectivityState.TRANSIENT_FAILURE && until.mode === "fail-fast";
    if (refused || state === connectivityState.SHUTDOWN) throw cannotConnect(address);
    const changed = await new Promise<boolean>((resolve) => {
      inner.watchConnectivityState(state, until.deadlineMs, (error) => {
        resolve(error === undefined);
      });
    });
    if (!changed) throw cannotConnect(address);
  }
}

function cannotConnect(address: string): KvError {
  return new KvError({
    code: status.UNAVAILABLE,
    reason: notConnected,
    message: `cannot connect to ${address}`,
    hint: "is kvdbd running there? its ready line names the addresses it listens on",
  });
}
