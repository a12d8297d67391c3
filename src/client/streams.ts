/**
 * Streams of the transport as async iterables. Reading pulls: a consumer that pauses lets the
 * transport's window fill up and so pauses the server. Leaving the loop cancels the call.
 */
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { KvError } from "./kv-error.js";

export interface StreamLimits {
  readonly signal: AbortSignal | undefined;
  /** A break leaves the outcome of what was sent unknown. */
  readonly mutates: boolean;
}

/** The responses of a call that is opened when the first one is asked for. */
export async function* receive<Response>(
  open: () => Promise<ClientReadableStream<Response>>,
  { signal, mutates }: StreamLimits,
): AsyncGenerator<Response, void, undefined> {
  const call = await open();
  const unbind = cancelOnAbort(call, signal);
  try {
    for await (const message of call) yield message as Response;
  } catch (cause) {
    throw KvError.from(cause, mutates);
  } finally {
    unbind();
    call.cancel();
  }
}

/**
 * Sends every request and yields every response, both at the pace of the slower side. A source that
 * fails ends the call and is what the reader is told.
 */
export async function* exchange<Request, Response>(
  open: () => Promise<ClientDuplexStream<Request, Response>>,
  requests: AsyncIterable<Request>,
  { signal, mutates }: StreamLimits,
): AsyncGenerator<Response, void, undefined> {
  const call = await open();
  const unbind = cancelOnAbort(call, signal);
  const sending = send(call, requests);
  try {
    for await (const message of call) yield message as Response;
  } catch (cause) {
    // Cancelled because the source failed? Then that failure is the news.
    if (sending.failure !== undefined) throw sending.failure.cause;
    throw KvError.from(cause, mutates);
  } finally {
    unbind();
    call.cancel();
  }
}

interface Sending {
  failure: { readonly cause: unknown } | undefined;
}

function send<Request>(
  call: ClientDuplexStream<Request, unknown>,
  requests: AsyncIterable<Request>,
): Sending {
  const sending: Sending = { failure: undefined };
  const ended = new Promise<"ended">((resolve) => {
    for (const event of ["error", "end", "close"]) {
      call.once(event, () => {
        resolve("ended");
      });
    }
  });
  const pump = async (): Promise<void> => {
    for await (const request of requests) {
      if (call.destroyed) return;
      if (call.write(request)) continue;
      // After the end of a call there is no drain any more.
      const drained = new Promise((resolve) => call.once("drain", resolve));
      if ((await Promise.race([drained, ended])) === "ended") return;
    }
    call.end();
  };
  pump().catch((cause: unknown) => {
    sending.failure = { cause };
    call.cancel();
  });
  return sending;
}

function cancelOnAbort(
  call: ClientReadableStream<unknown> | ClientDuplexStream<never, unknown>,
  signal: AbortSignal | undefined,
): () => void {
  // The loop that reads reports the failure; after it has been left, the end of a cancelled call
  // would otherwise count as an error that nobody handles.
  call.on("error", () => undefined);
  const cancel = (): void => {
    call.cancel();
  };
  if (signal?.aborted === true) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return () => {
    signal?.removeEventListener("abort", cancel);
  };
}
