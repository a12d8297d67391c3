/**
 * The gRPC messages in what a server's sockets received and sent, each with the index of the
 * operation that completed it. Only the frames that carry data are looked into: a request has one
 * message, and an answer with a message is an answer of success.
 */
import { assert } from "../../foundation/assert.js";
import type { Operation } from "./operation-log.js";

export interface Exchange {
  /** When the whole request had arrived. */
  readonly receivedAt: number;
  readonly request: Buffer;
  /** Just before the last bytes of the answer were handed to the kernel; undefined: never. */
  readonly answeredAt: number | undefined;
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const frameHeadBytes = 9;
const dataFrame = 0;
const messageHeadBytes = 5;

/** Unary calls on every connection, in the order in which their requests arrived. */
export function exchangesOf(operations: readonly Operation[]): readonly Exchange[] {
  const connections = new Map<string, Connection>();
  for (const operation of operations) {
    if (operation.kind !== "received" && operation.kind !== "sending") continue;
    let connection = connections.get(operation.stream);
    if (connection === undefined) {
      connection = new Connection();
      connections.set(operation.stream, connection);
    }
    connection.add(operation);
  }
  const found = [...connections.values()].flatMap((connection) => connection.exchanges());
  return found.sort((a, b) => a.receivedAt - b.receivedAt);
}

interface Message {
  readonly index: number;
  readonly body: Buffer;
}

class Connection {
  readonly #received = new Direction(true);
  readonly #sent = new Direction(false);

  add(operation: Operation & { readonly kind: "received" | "sending" }): void {
    const direction = operation.kind === "received" ? this.#received : this.#sent;
    direction.add(operation.bytes, operation.index);
  }

  exchanges(): readonly Exchange[] {
    if (!this.#received.isHttp2) return [];
    return [...this.#received.messages].map(([stream, { index, body }]) => {
      return {
        receivedAt: index,
        request: body,
        answeredAt: this.#sent.messages.get(stream)?.index,
      };
    });
  }
}

/** One way of a connection: bytes in, the first message of each stream out. */
class Direction {
  /** By the number of the stream. */
  readonly messages = new Map<number, Message>();
  readonly #bodies = new Map<number, Buffer>();
  #rest: Buffer = Buffer.alloc(0);
  #prefaceLeft: number;
  #isHttp2 = true;

  constructor(hasPreface: boolean) {
    this.#prefaceLeft = hasPreface ? preface.length : 0;
  }

  /** False for the sockets between a process and its children. */
  get isHttp2(): boolean {
    return this.#isHttp2 && this.#prefaceLeft === 0;
  }

  add(bytes: Buffer, index: number): void {
    if (!this.#isHttp2) return;
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (this.#prefaceLeft > 0 && !this.#takePreface()) return;
    while (this.#rest.length >= frameHeadBytes) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < frameHeadBytes + length) return;
      const frame = this.#rest.subarray(0, frameHeadBytes + length);
      this.#rest = this.#rest.subarray(frame.length);
      if (frame.readUInt8(3) !== dataFrame) continue;
      this.#addData(frame.readUInt32BE(5), frame.subarray(frameHeadBytes), index);
    }
  }

  #takePreface(): boolean {
    if (this.#rest.length < preface.length) return false;
    this.#isHttp2 = this.#rest.subarray(0, preface.length).equals(preface);
    this.#rest = this.#rest.subarray(preface.length);
    this.#prefaceLeft = 0;
    return this.#isHttp2;
  }

  #addData(stream: number, data: Buffer, index: number): void {
    if (this.messages.has(stream)) return;
    const body = Buffer.concat([this.#bodies.get(stream) ?? Buffer.alloc(0), data]);
    this.#bodies.set(stream, body);
    if (body.length < messageHeadBytes) return;
    assert(body.readUInt8(0) === 0, "nothing is compressed between our client and our server");
    const end = messageHeadBytes + body.readUInt32BE(1);
    if (body.length < end) return;
    this.messages.set(stream, { index, body: body.subarray(messageHeadBytes, end) });
    this.#bodies.delete(stream);
  }
}
