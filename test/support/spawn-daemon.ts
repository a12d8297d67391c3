/**
 * The daemon as its users meet it: a process of its own, compiled, on real files. A test tells what
 * it wants set; the environment of the test run itself is not handed on, except what Node needs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Ending } from "./temp-directory.js";
import { waitFor } from "./wait.js";

export const daemonProgram = fileURLToPath(new URL("../../src/kvdbd.js", import.meta.url));

export interface DaemonOptions {
  readonly file: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another build than the one that is tested. */
  readonly program?: string;
  /** In front of node, for example strace and its options. */
  readonly wrapper?: readonly string[];
  /** False: as its users run it, without the maps that Node would read beside every file. */
  readonly sourceMaps?: boolean;
  /** False: nothing is added to the flags and settings above. */
  readonly defaults?: boolean;
  /** Runs as this user; only root may ask for it. */
  readonly uid?: number;
}

export interface ReadyLine {
  readonly event: "ready";
  readonly grpc: readonly string[];
  readonly http: string | undefined;
  readonly pid: number;
  readonly version: string;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A daemon that was started; ready or not, running or not. */
export class Daemon {
  readonly process: ChildProcess;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly ended: Promise<Ended>;
  #ended: Ended | undefined;

  constructor(options: DaemonOptions) {
    const [command, ...flags] = commandLine(options);
    this.process = spawn(command ?? process.execPath, flags, {
      env: environment(options),
      ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    collect(this.process.stdout, this.stdout);
    collect(this.process.stderr, this.stderr);
    this.ended = new Promise((resolve, reject) => {
      this.process.once("error", reject);
      // "close" and not "exit": by then everything it printed has been read.
      this.process.once("close", (code, signal) => {
        this.#ended = { code, signal };
        resolve(this.#ended);
      });
    });
  }

  get running(): boolean {
    return this.#ended === undefined;
  }

  /** The ready line; throws with the log when the daemon ended instead. */
  ready(): Promise<ReadyLine> {
    return waitFor("the ready line", () => {
      const line = this.stdout.find((text) => text.includes('"ready"'));
      if (line !== undefined) return JSON.parse(line) as ReadyLine;
      if (this.running) return undefined;
      const { code, signal } = this.#ended ?? { code: null, signal: null };
      throw new Error(`kvdbd ended with ${String(code ?? signal)}:\n${this.stderr.join("\n")}`);
    });
  }

  /** The log, parsed. Lines that are not JSON (a crash report of Node) are left out. */
  log(): readonly LogLine[] {
    return this.stderr.flatMap((line) =>
      line.startsWith("{") ? [JSON.parse(line) as LogLine] : [],
    );
  }

  /** Lines whose message holds the phrase. */
  logged(phrase: string): readonly LogLine[] {
    return this.log().filter((line) => line.msg.includes(phrase));
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    if (this.running) this.process.kill(signal);
    return this.ended;
  }
}

/** Starts a daemon on the file; it is killed at the end of the test when it still runs. */
export function startDaemon(ending: Ending, options: DaemonOptions): Daemon {
  const daemon = new Daemon(options);
  ending.after(async () => {
    await daemon.stop("SIGKILL");
  });
  return daemon;
}

function commandLine(options: DaemonOptions): readonly string[] {
  const root = process.getuid?.() === 0 ? ["--allow-root"] : [];
  const usual = options.defaults === false ? [] : root;
  const maps = options.sourceMaps === false ? [] : ["--enable-source-maps"];
  const node = [process.execPath, ...maps, options.program ?? daemonProgram];
  return [...(options.wrapper ?? []), ...node, ...usual, ...(options.flags ?? [])];
}

/** What every program needs of the environment, and nothing that is a setting of ours. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {};
  for (const name of ["PATH", "HOME", "TMPDIR", "NODE_V8_COVERAGE"]) {
    if (process.env[name] !== undefined) kept[name] = process.env[name];
  }
  return kept;
}

function environment(options: DaemonOptions): NodeJS.ProcessEnv {
  const kept = plainEnvironment();
  if (options.defaults === false) return { ...kept, ...options.env };
  return {
    ...kept,
    KVDB_SQLITE_FILE: options.file,
    KVDB_LISTEN: "127.0.0.1:0",
    KVDB_HTTP_LISTEN: "127.0.0.1:0",
    // Thousands of daemons are started by the suites: only those about full disks keep a reserve.
    KVDB_DISK_RESERVE_BYTES: "0",
    ...options.env,
  };
}

function collect(stream: NodeJS.ReadableStream | null, lines: string[]): void {
  if (stream === null) return;
  createInterface({ input: stream }).on("line", (line) => lines.push(line));
}
