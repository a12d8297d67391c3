/**
 * The daemon that is put to the proof: the program that is installed, as a process of its own on
 * files of its own, with a recorder around it when one is given.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { KvClient } from "../../client/index.js";
import { environmentWithoutSettings } from "../../config/client-environment.js";
import type { Clock } from "../../foundation/clock.js";

export const daemonProgram = fileURLToPath(new URL("../../kvdbd.js", import.meta.url));

const linesKept = 20;
/** No attempt is repeated: what became of a call that broke is what is to be found out. */
const oneAttempt = { attemptsMax: 1 };

export interface DaemonOrder {
  readonly file: string;
  readonly clock: Clock;
  /** Another build than the one that runs now. */
  readonly program?: string;
  readonly flags?: readonly string[];
  /** Kept for a full disk; none unless it is said. */
  readonly reserveBytes?: number;
  readonly environment?: NodeJS.ProcessEnv;
}

export interface DaemonEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class DaemonRefusal extends Error {
  override readonly name = "DaemonRefusal";
  readonly end: DaemonEnd;

  constructor(end: DaemonEnd, log: readonly string[]) {
    super(`kvdbd ended with ${String(end.code ?? end.signal)}: ${log.at(-1) ?? "it said nothing"}`);
    this.end = end;
  }
}

export class ProvedDaemon {
  readonly client: KvClient;
  readonly startMs: number;
  readonly ended: Promise<DaemonEnd>;
  readonly #child: ChildProcess;

  private constructor(
    child: ChildProcess,
    ended: Promise<DaemonEnd>,
    of: { readonly client: KvClient; readonly startMs: number },
  ) {
    this.#child = child;
    this.ended = ended;
    this.client = of.client;
    this.startMs = of.startMs;
  }

  /** Resolves when it serves and a connection stands; throws DaemonRefusal when it ends instead. */
  static async start(order: DaemonOrder): Promise<ProvedDaemon> {
    const startedMs = order.clock.monotonicMs();
    const root = process.getuid?.() === 0 ? ["--allow-root"] : [];
    const net = ["--listen", "127.0.0.1:0", "--http-listen", "off"];
    // Room for a full disk would be recorded and copied with every state; who needs it says so.
    const reserve = ["--disk-reserve-bytes", String(order.reserveBytes ?? 0)];
    const flags = ["--sqlite-file", order.file, ...net, ...reserve];
    const program = order.program ?? daemonProgram;
    const child = spawn(process.execPath, [program, ...flags, ...root, ...(order.flags ?? [])], {
      env: order.environment ?? environmentWithoutSettings(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = endOf(child);
    const address = await readyAddress(child, ended);
    const startMs = order.clock.monotonicMs() - startedMs;
    const client = KvClient.open({ address, retry: oneAttempt, clock: order.clock });
    await client.connect();
    return new ProvedDaemon(child, ended, { client, startMs });
  }

  /** As a crash would: no warning, nothing finished. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
    this.client.close();
  }

  /** As a service manager would. */
  async stop(): Promise<DaemonEnd> {
    this.client.close();
    this.#child.kill("SIGTERM");
    return await this.ended;
  }
}

function endOf(child: ChildProcess): Promise<DaemonEnd> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code, signal });
    });
  });
}

async function readyAddress(child: ChildProcess, ended: Promise<DaemonEnd>): Promise<string> {
  const log: string[] = [];
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("kvdbd was started without pipes");
  createInterface({ input: stderr }).on("line", (line) => {
    log.push(line);
    if (log.length > linesKept) log.shift();
  });
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: stdout }).on("line", (line) => {
      const said = line.startsWith("{") ? (JSON.parse(line) as ReadyLine) : {};
      const [address] = said.grpc ?? [];
      if (said.event === "ready" && address !== undefined) resolve(address);
    });
  });
  const refused = ended.then((end): never => {
    throw new DaemonRefusal(end, log);
  });
  // Once it serves, its end is no refusal any more.
  refused.catch(() => undefined);
  return await Promise.race([ready, refused]);
}

interface ReadyLine {
  readonly event?: string;
  readonly grpc?: readonly string[];
}
