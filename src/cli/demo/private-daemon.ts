/**
 * A daemon of our own: a process with its own files and its own port, that can be killed without
 * harming anybody.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { environmentWithoutSettings } from "../../config/client-environment.js";
import { CliError } from "../cli-error.js";

const program = fileURLToPath(new URL("../../kvdbd.js", import.meta.url));
/** The last lines of its log, for the case that it does not start. */
const logLinesKept = 5;

export class PrivateDaemon {
  readonly address: string;
  readonly pid: number | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, address: string, ended: Promise<void>) {
    this.#child = child;
    this.#ended = ended;
    this.address = address;
    this.pid = child.pid;
  }

  /** Resolves when it serves; the port is free to choose unless an address is given. */
  static async start(file: string, address: string = "127.0.0.1:0"): Promise<PrivateDaemon> {
    const root = process.getuid?.() === 0 ? ["--allow-root"] : [];
    const flags = ["--sqlite-file", file, "--listen", address, "--http-listen", "off", ...root];
    const child = spawn(process.execPath, [program, ...flags], {
      env: environmentWithoutSettings(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => {
        resolve();
      });
    });
    const [listening] = await readyLine(child, ended);
    return new PrivateDaemon(child, listening ?? address, ended);
  }

  /** As a crash would: no warning, nothing finished. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** As a service manager would. Twice is fine. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#ended;
  }
}

/** The addresses it listens on. */
async function readyLine(child: ChildProcess, ended: Promise<void>): Promise<readonly string[]> {
  const log: string[] = [];
  if (child.stdout === null || child.stderr === null) return [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.push(line);
    if (log.length > logLinesKept) log.shift();
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<readonly string[]>((resolve) => {
    lines.on("line", (line) => {
      const said = parsed(line);
      if (said.event === "ready") resolve(said.grpc ?? []);
    });
  });
  const failed = ended.then((): never => {
    throw new CliError("general", `kvdbd did not start: ${log.at(-1) ?? "it said nothing"}`, {
      hint: "start it by hand to see its whole log",
    });
  });
  return await Promise.race([ready, failed]);
}

interface SaidLine {
  readonly event?: string;
  readonly grpc?: readonly string[];
}

function parsed(line: string): SaidLine {
  return line.startsWith("{") ? (JSON.parse(line) as SaidLine) : {};
}
