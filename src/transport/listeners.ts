/**
 * The sockets a server listens on: TCP and Unix, several at once. Opened here and not by the gRPC
 * library, so that connections are counted, bounded and closed by us, whatever the library does.
 */
import { chmod, lstat, mkdir, unlink } from "node:fs/promises";
import { connect, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { assert } from "../foundation/assert.js";

/** A listener that could not be opened; the daemon does not start. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly address: string;
  readonly hint: string;

  constructor(address: string, message: string, options: { hint: string } & ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.address = address;
    this.hint = options.hint;
  }
}

export type ListenTarget =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

const socketMode = 0o600;
const directoryMode = 0o700;
const portMax = 65_535;

/** "host:port", "[::1]:port" or "unix:/path". Throws ListenError. */
export function parseListenAddress(address: string): ListenTarget {
  if (address.startsWith("unix:")) {
    const path = address.slice("unix:".length);
    if (path === "") throw badAddress(address);
    return { kind: "unix", path };
  }
  const parts = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host === undefined || port > portMax) throw badAddress(address);
  return { kind: "tcp", host, port };
}

export interface Listener {
  /** As it was asked for, with the port that was bound. */
  readonly address: string;
  readonly server: Server;
}

/** Listens on all of them or on none. Throws ListenError. */
export async function openListeners(
  addresses: readonly string[],
  options: { readonly connectionsMax: number; readonly onConnection: (socket: Socket) => void },
): Promise<readonly Listener[]> {
  assert(addresses.length > 0, "a server listens on one address at least");
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) listeners.push(await openListener(address, options));
    return listeners;
  } catch (error) {
    for (const { server } of listeners) server.close();
    throw error;
  }
}

async function openListener(
  address: string,
  options: { readonly connectionsMax: number; readonly onConnection: (socket: Socket) => void },
): Promise<Listener> {
  const target = parseListenAddress(address);
  if (target.kind === "unix") await preparePath(address, target.path);
  const server = createServer({ noDelay: true }, options.onConnection);
  server.maxConnections = options.connectionsMax;
  await listen(server, address, target);
  if (target.kind === "unix") {
    // Whoever may open the socket may use the store, so nobody but the owner may.
    await chmod(target.path, socketMode);
    return { address, server };
  }
  const bound = server.address();
  assert(typeof bound === "object" && bound !== null, "a TCP listener has an address");
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return { address: `${host}:${String(bound.port)}`, server };
}

function listen(server: Server, address: string, target: ListenTarget): Promise<void> {
  const where: ListenOptions =
    target.kind === "unix" ? { path: target.path } : { host: target.host, port: target.port };
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(listenErrorOf(address, cause));
    });
    server.listen(where, resolve);
  });
}

/** Why an address could not be bound, whoever tried; a ListenError stays as it is. */
export function listenErrorOf(address: string, cause: unknown): ListenError {
  if (cause instanceof ListenError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ListenError(address, `cannot listen on ${address}: ${reason}`, {
    cause,
    hint: "choose another address, or stop what uses this one",
  });
}

/** A socket file that a dead process left behind is removed; one that answers, or no socket, stays. */
export async function preparePath(address: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: directoryMode });
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new ListenError(address, `${path} exists and is no socket`, {
      hint: "choose another path; kvdb does not delete files that it did not make",
    });
  }
  if (await answers(path)) {
    throw new ListenError(address, `another process listens on ${path}`, {
      hint: "choose another path, or stop the other process",
    });
  }
  await unlink(path);
}

/** True when in doubt: removing the socket of a living server would cut it off from its clients. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      const code = codeOf(error);
      resolve(code !== "ECONNREFUSED" && code !== "ENOENT");
    });
  });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function badAddress(address: string): ListenError {
  return new ListenError(address, `"${address}" is no address to listen on`, {
    hint: "write host:port, [ipv6]:port or unix:/path; port 0 takes a free one",
  });
}
