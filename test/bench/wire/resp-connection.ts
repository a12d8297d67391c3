/** One connection to Redis: requests as they were encoded, replies in their order. */
import { GatheringSocket } from "./gathering-socket.js";

const carriageReturn = 13;
const minus = "-".charCodeAt(0);
const answeredKeptMax = 1_024;
type Done = (reply: Buffer | undefined, failure: string | undefined) => void;

export class RespConnection {
  readonly #socket: GatheringSocket;
  /** A request may hold several commands; it is answered when the last of them is. */
  readonly #waiting: { readonly replies: number; readonly done: Done }[] = [];
  #head = 0;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: GatheringSocket) {
    this.#socket = socket;
    socket.listen({
      received: (bytes) => {
        this.#receive(bytes);
      },
      failed: (why) => {
        this.#fail(why);
      },
    });
  }

  static async open(port: number): Promise<RespConnection> {
    return new RespConnection(await GatheringSocket.open(port));
  }

  ask(request: Buffer, replies: number, done: Done): void {
    this.#waiting.push({ replies, done });
    this.#socket.write(request);
  }

  close(): void {
    this.#waiting.length = 0;
    this.#head = 0;
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (let first = this.#waiting[this.#head]; first !== undefined; ) {
      let end = at;
      for (let reply = 0; reply < first.replies && end >= 0; reply += 1) end = replyEnd(all, end);
      if (end < 0) break;
      this.#head += 1;
      const answer = all.subarray(at, end);
      const failed = answer[0] === minus;
      first.done(failed ? undefined : answer, failed ? answer.toString() : undefined);
      at = end;
      first = this.#waiting[this.#head];
    }
    if (this.#head > answeredKeptMax) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    this.#rest = all.subarray(at);
  }

  #fail(why: string): void {
    const left = this.#waiting.splice(0).slice(this.#head);
    this.#head = 0;
    for (const { done } of left) done(undefined, why);
  }
}

/** Where the reply that begins here ends; -1 when it is not all there. */
export function replyEnd(bytes: Buffer, at: number): number {
  const line = bytes.indexOf(carriageReturn, at);
  if (at >= bytes.length || line < 0 || line + 2 > bytes.length) return -1;
  const kind = String.fromCharCode(bytes[at] as number);
  if (kind === "+" || kind === "-" || kind === ":") return line + 2;
  const count = Number(bytes.toString("latin1", at + 1, line));
  if (kind === "$") {
    const end = count < 0 ? line + 2 : line + 2 + count + 2;
    return end <= bytes.length ? end : -1;
  }
  if (kind !== "*") throw new Error(`a reply of Redis cannot begin with "${kind}"`);
  let end = line + 2;
  for (let part = 0; part < count && end >= 0; part += 1) end = replyEnd(bytes, end);
  return end;
}
