/**
 * A client that breaks the rules of gRPC and of HTTP/2: messages whose prefix lies, streams that are
 * reset or cut in the middle, headers that make no sense, and frames that are noise.
 */
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp } from "node:net";
import { concatBytes } from "../../src/foundation/bytes.js";
import type { Random } from "../../src/foundation/random.js";
import { brokenMessage } from "./broken-bytes.js";

export interface TrafficCounts {
  /** gRPC messages sent over HTTP/2 that is in order. */
  calls: number;
  /** HTTP/2 frames that are noise, over raw connections. */
  frames: number;
  connections: number;
  /** Answers by grpc-status; "none" = the stream ended without one. */
  readonly statuses: Map<string, number>;
}

const callsPerSession = 2_000;
const callsAtOnce = 50;
const framesPerConnectionMax = 12;
/** A stream or connection on which nothing happens for so long is left. */
const silenceMs = 200;
const oneIn = (random: Random, count: number): boolean => random.below(count) === 0;

export class BrokenTraffic {
  readonly counts: TrafficCounts = { calls: 0, frames: 0, connections: 0, statuses: new Map() };
  readonly #host: string;
  readonly #port: number;
  readonly #paths: readonly string[];
  readonly #random: Random;

  constructor(address: string, paths: readonly string[], random: Random) {
    const colon = address.lastIndexOf(":");
    this.#host = address.slice(0, colon);
    this.#port = Number(address.slice(colon + 1));
    this.#paths = paths;
    this.#random = random;
  }

  /** Sends so many gRPC messages; a connection that the server ends is made anew. */
  async call(total: number): Promise<void> {
    for (let sent = 0; sent < total; ) {
      const session = connectHttp2(`http://${this.#host}:${String(this.#port)}`);
      session.on("error", () => undefined);
      this.counts.connections++;
      const share = Math.min(callsPerSession, total - sent);
      const lanes = Array.from({ length: callsAtOnce }, async (_, lane) => {
        for (
          let at = lane;
          at < share && !session.closed && !session.destroyed;
          at += callsAtOnce
        ) {
          sent++;
          await this.#oneCall(session);
        }
      });
      await Promise.all(lanes);
      session.destroy();
    }
  }

  /** Sends so many frames of noise over raw connections, one after the other. */
  async noise(total: number): Promise<void> {
    for (let sent = 0; sent < total; ) sent += await this.#oneConnection();
  }

  #oneCall(session: ClientHttp2Session): Promise<void> {
    const random = this.#random;
    return new Promise((resolve) => {
      this.counts.calls++;
      const stream = session.request(this.#headers());
      let status: string | undefined;
      const note = (headers: object): void => {
        const found = (headers as Record<string, unknown>)["grpc-status"];
        if (typeof found === "string") status = found;
      };
      stream.on("error", () => undefined);
      stream.on("response", note);
      stream.on("trailers", note);
      stream.on("close", () => {
        const name = status ?? "none";
        this.counts.statuses.set(name, (this.counts.statuses.get(name) ?? 0) + 1);
        resolve();
      });
      stream.resume();
      stream.write(this.#message());
      // An endless answer (a watch, a lane) is taken for a moment and left.
      if (oneIn(random, 40)) stream.close(constants.NGHTTP2_CANCEL);
      else stream.end();
      stream.setTimeout(silenceMs, () => {
        stream.close(constants.NGHTTP2_CANCEL);
      });
    });
  }

  #headers(): Record<string, string> {
    const random = this.#random;
    const path = this.#paths[random.below(this.#paths.length)] ?? "/";
    const headers: Record<string, string> = {
      [constants.HTTP2_HEADER_METHOD]: oneIn(random, 50) ? "GET" : "POST",
      [constants.HTTP2_HEADER_PATH]: oneIn(random, 30) ? `/${String(random.uint32())}` : path,
      "content-type": oneIn(random, 40) ? "text/plain" : "application/grpc",
      te: "trailers",
    };
    const timeouts = ["1n", "-1S", "x", "99999999H", "0m"];
    if (oneIn(random, 20)) headers["grpc-timeout"] = timeouts[random.below(timeouts.length)] ?? "x";
    const encodings = ["gzip", "bad", "identity"];
    if (oneIn(random, 30)) headers["grpc-encoding"] = encodings[random.below(3)] ?? "bad";
    return headers;
  }

  /** The five bytes in front may lie, and the whole may be cut. */
  #message(): Uint8Array {
    const random = this.#random;
    const content = brokenMessage(random);
    const prefix = Buffer.alloc(5);
    prefix[0] = oneIn(random, 20) ? random.below(256) : 0;
    const lies = [0, 1, content.length + 1 + random.below(100), 0xffff_ffff, 5 * 2 ** 20];
    const length = oneIn(random, 10) ? (lies[random.below(lies.length)] ?? 0) : content.length;
    prefix.writeUInt32BE(length, 1);
    const whole = concatBytes([prefix, content]);
    return oneIn(random, 15) ? whole.subarray(0, random.below(whole.length)) : whole;
  }

  /** Resolves with the number of frames when the server has closed it, or does not say a word. */
  #oneConnection(): Promise<number> {
    const random = this.#random;
    const frames = 1 + random.below(framesPerConnectionMax);
    this.counts.connections++;
    this.counts.frames += frames;
    const begin = oneIn(random, 10) ? random.bytes(random.below(100)) : preface;
    const parts = [begin, ...Array.from({ length: frames }, () => this.#frame())];
    return new Promise((resolve) => {
      const socket = connectTcp(this.#port, this.#host);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        resolve(frames);
      });
      socket.setTimeout(silenceMs, () => socket.destroy());
      socket.end(concatBytes(parts));
      socket.resume();
    });
  }

  #frame(): Uint8Array {
    const random = this.#random;
    const content = random.bytes(random.below(300));
    const header = Buffer.alloc(9);
    header.writeUIntBE(oneIn(random, 5) ? random.below(2 ** 24) : content.length, 0, 3);
    header[3] = random.below(11);
    header[4] = random.below(256);
    header.writeUInt32BE(random.below(9), 5);
    return concatBytes([header, content]);
  }
}

/** The connection preface and an empty SETTINGS frame: RFC 9113, section 3.4. */
const preface = concatBytes([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
