/**
 * One HTTP/2 connection of the load generator, over a plain socket. It keeps what the protocol asks
 * of a client (windows, acknowledgements) and nothing that costs: no streams of Node, no events, one
 * write per turn. Why we have our own: docs/decisions/0024-benchmark-client.md.
 *
 * A call that ends with anything but `grpc-status: 0` is a failure, never an answer.
 */
import { GatheringSocket } from "./gathering-socket.js";
import {
  callHeaders,
  clientPreface,
  frame,
  frameBytesMax,
  frameFlag,
  frameHeaderBytes,
  frameType,
  grpcMessage,
  initialWindowBytes,
  initialWindowIn,
  saysOk,
  windowUpdate,
} from "./http2-frames.js";

const consumedBeforeUpdate = 1 << 28;

export interface CallEvents {
  /** The server's headers have come, before any message. */
  begun?(): void;
  message(content: Buffer): void;
  /** Undefined: the call ended well. */
  ended(failure: string | undefined): void;
}

interface Call {
  readonly events: CallEvents;
  readonly waiting: { readonly bytes: Buffer; readonly last: boolean }[];
  window: number;
  /** Parts of a message that is not whole yet, and how many bytes they must come to. */
  parts: Buffer[];
  partBytes: number;
  wholeBytes: number;
}

const messagePrefixBytes = 5;
const windowMask = 0x7fff_ffff;

export class Http2Connection {
  readonly #socket: GatheringSocket;
  readonly #authority: string;
  readonly #headers = new Map<string, Buffer>();
  readonly #calls = new Map<number, Call>();
  #nextStream = 1;
  #window = initialWindowBytes;
  #initialWindow = initialWindowBytes;
  #consumed = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** Streams whose data waits for a window. */
  readonly #held = new Set<number>();
  #okTrailers: Buffer = Buffer.alloc(0);

  private constructor(socket: GatheringSocket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
    socket.listen({
      received: (bytes) => {
        this.#receive(bytes);
      },
      failed: (why) => {
        this.#fail(why);
      },
    });
    socket.write(clientPreface());
  }

  static async open(port: number): Promise<Http2Connection> {
    const socket = await GatheringSocket.open(port);
    return new Http2Connection(socket, `127.0.0.1:${String(port)}`);
  }

  /** Starts a call; messages follow with `send`. */
  begin(path: string, events: CallEvents): number {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, {
      events,
      waiting: [],
      window: this.#initialWindow,
      parts: [],
      partBytes: 0,
      wholeBytes: messagePrefixBytes,
    });
    const head = { type: frameType.headers, flags: frameFlag.endHeaders, stream };
    this.#socket.write(frame(head, this.#headersOf(path)));
    return stream;
  }

  send(stream: number, content: Uint8Array, last: boolean): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    const bytes = grpcMessage(content);
    for (let at = 0; at < bytes.length; at += frameBytesMax) {
      const part = bytes.subarray(at, at + frameBytesMax);
      call.waiting.push({ bytes: part, last: last && at + frameBytesMax >= bytes.length });
    }
    this.#sendWaiting(stream, call);
  }

  /** Ends the sending side of a call without another message. */
  end(stream: number): void {
    const call = this.#calls.get(stream);
    call?.waiting.push({ bytes: Buffer.alloc(0), last: true });
    if (call !== undefined) this.#sendWaiting(stream, call);
  }

  /** One message there, one back. The answer is undefined when the call failed. */
  unary(
    path: string,
    content: Uint8Array,
    done: (answer: Buffer | undefined, failure: string | undefined) => void,
  ): void {
    let answer: Buffer | undefined;
    const stream = this.begin(path, {
      message(received) {
        answer = received;
      },
      ended(failure) {
        if (failure !== undefined) done(undefined, failure);
        else if (answer === undefined) done(undefined, "the call ended without an answer");
        else done(answer, undefined);
      },
    });
    this.send(stream, content, true);
  }

  close(): void {
    this.#calls.clear();
    this.#socket.destroy();
  }

  #headersOf(path: string): Buffer {
    const known = this.#headers.get(path);
    if (known !== undefined) return known;
    const made = callHeaders(path, this.#authority);
    this.#headers.set(path, made);
    return made;
  }

  #sendWaiting(stream: number, call: Call): void {
    for (let next = call.waiting[0]; next !== undefined; next = call.waiting[0]) {
      const { length } = next.bytes;
      if (length > this.#window || length > call.window) {
        this.#held.add(stream);
        return;
      }
      this.#window -= length;
      call.window -= length;
      call.waiting.shift();
      const flags = next.last ? frameFlag.endStream : 0;
      this.#socket.write(frame({ type: frameType.data, flags, stream }, next.bytes));
    }
    this.#held.delete(stream);
  }

  #sendHeld(): void {
    for (const stream of this.#held) {
      const call = this.#calls.get(stream);
      if (call === undefined) this.#held.delete(stream);
      else this.#sendWaiting(stream, call);
    }
  }

  /** Frames of one turn of the event loop leave in one write. */
  #receive(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= frameHeaderBytes) {
      const length = all.readUIntBE(at, 3);
      const end = at + frameHeaderBytes + length;
      if (end > all.length) break;
      const stream = all.readUInt32BE(at + 5) & windowMask;
      const payload = all.subarray(at + frameHeaderBytes, end);
      this.#frame(all[at + 3] as number, all[at + 4] as number, stream, payload);
      at = end;
    }
    this.#rest = all.subarray(at);
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case frameType.data:
        this.#data(flags, stream, payload);
        return;
      case frameType.headers:
        this.#headersFrame(flags, stream, payload);
        return;
      case frameType.resetStream:
        this.#ended(stream, `the stream was reset with code ${String(payload.readUInt32BE(0))}`);
        return;
      case frameType.settings:
        if ((flags & frameFlag.ack) === 0) this.#settings(payload);
        return;
      case frameType.ping: {
        const head = { type: frameType.ping, flags: frameFlag.ack, stream: 0 };
        if ((flags & frameFlag.ack) === 0) this.#socket.write(frame(head, payload));
        return;
      }
      case frameType.goAway:
        this.#fail(`the server ends the connection with code ${String(payload.readUInt32BE(4))}`);
        return;
      case frameType.windowUpdate:
        this.#windowUpdate(stream, payload.readUInt32BE(0) & windowMask);
        return;
      case frameType.continuation:
        this.#fail("headers in several frames are not expected of a benchmark's server");
        return;
      default:
    }
  }

  #settings(payload: Buffer): void {
    const initial = initialWindowIn(payload);
    if (initial !== undefined) {
      for (const call of this.#calls.values()) call.window += initial - this.#initialWindow;
      this.#initialWindow = initial;
    }
    const head = { type: frameType.settings, flags: frameFlag.ack, stream: 0 };
    this.#socket.write(frame(head, Buffer.alloc(0)));
    this.#sendHeld();
  }

  #windowUpdate(stream: number, bytes: number): void {
    if (stream === 0) {
      this.#window += bytes;
      this.#sendHeld();
      return;
    }
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    call.window += bytes;
    this.#sendWaiting(stream, call);
  }

  #data(flags: number, stream: number, payload: Buffer): void {
    this.#consumed += payload.length;
    if (this.#consumed >= consumedBeforeUpdate) {
      this.#socket.write(windowUpdate(0, this.#consumed));
      this.#consumed = 0;
    }
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    if ((flags & frameFlag.padded) !== 0) {
      this.#ended(stream, "padded data are not expected of a benchmark's server");
      return;
    }
    this.#messages(call, payload);
    if ((flags & frameFlag.endStream) !== 0) this.#ended(stream, "the stream had no trailers");
  }

  /** Hands out whole messages and keeps the beginning of the next; large ones are joined once. */
  #messages(call: Call, payload: Buffer): void {
    call.parts.push(payload);
    call.partBytes += payload.length;
    if (call.partBytes < call.wholeBytes) return;
    const bytes = call.parts.length === 1 ? payload : Buffer.concat(call.parts);
    let at = 0;
    let whole = messagePrefixBytes;
    while (bytes.length - at >= messagePrefixBytes) {
      whole = messagePrefixBytes + bytes.readUInt32BE(at + 1);
      if (at + whole > bytes.length) break;
      call.events.message(bytes.subarray(at + messagePrefixBytes, at + whole));
      at += whole;
      whole = messagePrefixBytes;
    }
    call.wholeBytes = whole;
    call.parts = at === bytes.length ? [] : [bytes.subarray(at)];
    call.partBytes = bytes.length - at;
  }

  #headersFrame(flags: number, stream: number, block: Buffer): void {
    if ((flags & frameFlag.endHeaders) === 0) {
      this.#fail("headers in several frames are not expected of a benchmark's server");
      return;
    }
    if ((flags & frameFlag.endStream) === 0) {
      this.#calls.get(stream)?.events.begun?.();
      return;
    }
    if (!this.#okTrailers.equals(block)) {
      if (!saysOk(block)) {
        this.#ended(stream, `the call failed; its trailers are ${block.toString("hex")}`);
        return;
      }
      this.#okTrailers = Buffer.from(block);
    }
    this.#ended(stream, undefined);
  }

  #ended(stream: number, failure: string | undefined): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.events.ended(failure);
  }

  #fail(why: string): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#socket.destroy();
    for (const call of calls) call.events.ended(why);
  }
}
