/** A call as a transport hands it to a method, of a caller who stays and has all the time there is. */
import type { TransportCall } from "../../src/rpc/call.js";

export function transportCall(
  part: Partial<TransportCall> & Pick<TransportCall, "path">,
): TransportCall {
  const controller = new AbortController();
  return {
    deadlineMs: Infinity,
    requestBytes: 10,
    cancelled: () => false,
    signal: () => controller.signal,
    header: () => undefined,
    peer: () => "test",
    clientCertificate: () => undefined,
    trailer: () => undefined,
    ...part,
  };
}
