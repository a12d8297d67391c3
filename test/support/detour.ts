/**
 * A way to a server that a test holds in its hands: it leaves from a given address, can be slow, can
 * stand still, and can break. What goes through it is not touched.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Ending } from "./temp-directory.js";
import { pause } from "./wait.js";

export interface DetourOrder {
  /** The server's, as its ready line gives it. */
  readonly to: string;
  /** Connections leave from here. */
  readonly from: string;
  /** For each piece, in both directions; pieces keep their order. */
  readonly delayMs?: () => number;
}

export class Detour {
  readonly address: string;
  readonly #close: () => void;
  readonly #pairs: Set<Pair>;

  private constructor(address: string, pairs: Set<Pair>, close: () => void) {
    this.address = address;
    this.#pairs = pairs;
    this.#close = close;
  }

  static async open(ending: Ending, order: DetourOrder): Promise<Detour> {
    const pairs = new Set<Pair>();
    const server = createServer((client) => {
      const pair = { client, upstream: upstreamOf(order) };
      pairs.add(pair);
      forward(pair.client, pair.upstream, order.delayMs);
      forward(pair.upstream, pair.client, order.delayMs);
      pair.upstream.once("close", () => pairs.delete(pair));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const detour = new Detour(`127.0.0.1:${port}`, pairs, () => server.close());
    ending.after(() => {
      detour.drop();
    });
    return detour;
  }

  /** Nothing is read from the server any more, until its own buffers and the kernel's are full. */
  stall(): void {
    for (const { upstream } of this.#pairs) upstream.pause();
  }

  goOn(): void {
    for (const { upstream } of this.#pairs) upstream.resume();
  }

  /** The server sees its peer reset the connection. */
  reset(): void {
    for (const { client, upstream } of [...this.#pairs]) {
      upstream.resetAndDestroy();
      client.destroy();
    }
  }

  /** Ends every connection, and takes no new one. */
  drop(): void {
    this.#close();
    for (const { client, upstream } of [...this.#pairs]) {
      upstream.destroy();
      client.destroy();
    }
  }
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
}

function upstreamOf({ to, from }: DetourOrder): Socket {
  const at = to.lastIndexOf(":");
  const [host, port] = [to.slice(0, at), Number(to.slice(at + 1))];
  return connect({ host, port, localAddress: from, noDelay: true });
}

/** Whatever ends one side ends the other. */
function forward(from: Socket, to: Socket, delayMs: DetourOrder["delayMs"]): void {
  let turn: Promise<unknown> = Promise.resolve();
  from.on("data", (piece) => {
    if (delayMs === undefined) {
      if (!to.write(piece)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      return;
    }
    const arrives = pause(delayMs());
    turn = turn.then(() => arrives).then(() => to.write(piece));
  });
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}
