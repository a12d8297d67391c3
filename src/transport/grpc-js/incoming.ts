/**
 * The messages a client sends, one at a time: the next is taken from the connection when the handler
 * asks for it, so a busy handler slows the client down instead of filling memory.
 */
import type { Readable } from "node:stream";
import { malformedMessage } from "../../rpc/call.js";
import { malformed } from "../../rpc/handler.js";
import type { Decoded } from "./dispatch-table.js";
import { callEnded, type GrpcCall } from "./grpc-call.js";

const events = ["readable", "end", "close"] as const;

/** Iterate once. Throws when the client goes away; leaving the loop early does not end the call. */
export async function* incomingMessages(
  stream: Readable,
  call: GrpcCall,
): AsyncGenerator<unknown, void, undefined> {
  let wake: () => void = () => undefined;
  const notify = (): void => {
    wake();
  };
  const signal = call.signal();
  for (const event of events) stream.on(event, notify);
  signal.addEventListener("abort", notify);
  try {
    for (;;) {
      const decoded = stream.read() as Decoded | null;
      if (decoded !== null) {
        if (decoded.message === malformedMessage) throw malformed();
        yield decoded.message;
      } else if (stream.readableEnded) {
        return;
      } else if (call.cancelled() || stream.destroyed) {
        throw callEnded();
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    for (const event of events) stream.off(event, notify);
    signal.removeEventListener("abort", notify);
  }
}

/**
 * grpc-js reads 16 messages ahead, each up to the largest message allowed, and offers no setting for
 * it. The field is Node's and not public; where it is missing, 16 it stays, and a test notices.
 */
export function limitReadAhead(stream: Readable, messagesMax: number): void {
  const { _readableState: state } = stream as unknown as {
    readonly _readableState?: { highWaterMark?: unknown };
  };
  if (typeof state?.highWaterMark === "number") state.highWaterMark = messagesMax;
}
