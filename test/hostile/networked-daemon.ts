/** A daemon in a network of its own, and what it says of itself. */
import { join } from "node:path";
import { ContractClient } from "../contract/client.js";
import { Detour } from "../support/detour.js";
import { heldBytes, heldMemoryOption } from "../support/held-memory.js";
import { NetworkBox } from "../support/network-box.js";
import { openSockets } from "../support/process-figures.js";
import { startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";

export interface NetworkedDaemon {
  readonly box: NetworkBox;
  readonly address: string;
  /** By whom nothing is done; connected. */
  readonly witness: ContractClient;
  /** From the address that rules are made against. */
  victimsWay(delayMs?: () => number): Promise<Detour>;
  /** What is held for clients, as the daemon counts it, and its sockets, as the kernel does. */
  held(): Promise<Held>;
  /** What its memory holds, without what was let go of. */
  heldBytes(): Promise<number>;
}

export interface Held {
  readonly clients: number;
  readonly streams: number;
  readonly watchers: number;
  readonly snapshots: number;
  readonly sockets: number;
}

/** A small cache fills at once, and does not look like something that is held for a client. */
const small = { NODE_OPTIONS: heldMemoryOption, KVDB_CACHE_BYTES: "1048576" };

export async function startNetworked(
  ending: Ending,
  env: Readonly<Record<string, string>> = {},
): Promise<NetworkedDaemon> {
  const box = NetworkBox.open(ending);
  const daemon = startDaemon(ending, {
    file: join(tempDirectory(ending), "kv.db"),
    wrapper: box.wrapper,
    env: { KVDB_LISTEN: `${box.inside}:0`, KVDB_HTTP_LISTEN: `${box.inside}:0`, ...small, ...env },
  });
  const { grpc, http, pid } = await daemon.ready();
  const [address = ""] = grpc;
  const witness = new ContractClient(ending, address);
  await witness.get({ key: new Uint8Array([1]) });
  return {
    box,
    address,
    witness,
    victimsWay: (delayMs) => {
      const order = { to: address, from: box.victim, ...(delayMs && { delayMs }) };
      return Detour.open(ending, order);
    },
    heldBytes: () => heldBytes(daemon, pid),
    held: async () => {
      // A connection of its own each time: none is left open by the reading itself.
      const page = await fetch(`http://${http ?? ""}/metrics`, {
        headers: { connection: "close" },
      });
      const text = await page.text();
      return {
        clients: sample(text, "kvdb_connected_clients"),
        streams: sample(text, "kvdb_active_streams"),
        watchers: sample(text, "kvdb_watchers"),
        snapshots: sample(text, "kvdb_active_snapshots"),
        sockets: openSockets(pid),
      };
    },
  };
}

/** The sum over the labels of a metric; a metric without a sample is 0. */
function sample(text: string, name: string): number {
  const lines = text.split("\n").filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
