/** A connection to a server on loopback that sends what is written in one turn as one piece. */
import { connect, type Socket } from "node:net";

export interface SocketEvents {
  received(bytes: Buffer): void;
  /** The connection is of no more use; may be told more than once. */
  failed(why: string): void;
}

export class GatheringSocket {
  readonly #socket: Socket;
  #outgoing: Buffer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  static open(port: number): Promise<GatheringSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new GatheringSocket(socket));
      });
    });
  }

  /** Once, and in the turn in which the socket came: what arrives later is handed over. */
  listen(events: SocketEvents): void {
    this.#socket.on("data", (bytes: Buffer) => {
      events.received(bytes);
    });
    this.#socket.on("error", (error) => {
      events.failed(String(error));
    });
    this.#socket.on("close", () => {
      events.failed("the connection was closed");
    });
  }

  write(bytes: Buffer): void {
    if (this.#outgoing.length === 0) {
      setImmediate(() => {
        const all = this.#outgoing;
        this.#outgoing = [];
        if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(all));
      });
    }
    this.#outgoing.push(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
