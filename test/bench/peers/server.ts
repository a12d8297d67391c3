/** A server under measurement: started by us, on a loopback port and a directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { pause } from "../../support/wait.js";
import type { ServerName } from "../load/load-job.js";

const patienceMs = 20_000;
const pauseMs = 20;

export interface MeasuredServer {
  readonly name: ServerName;
  readonly port: number;
  readonly pid: number;
  /** Stops it in order and waits until it has ended. */
  stop(): Promise<void>;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port was given"));
        else resolve(address.port);
      });
    });
  });
}

/** Starts a foreign program and waits until its port answers; its output is kept in the directory. */
export async function startForeign(
  name: ServerName,
  directory: string,
  port: number,
  command: readonly [string, ...string[]],
): Promise<MeasuredServer> {
  const [program, ...flags] = command;
  const log = join(directory, `${name}.log`);
  const child = spawn(program, flags, { stdio: ["ignore", "pipe", "pipe"], cwd: directory });
  const output = createWriteStream(log);
  child.stdout.pipe(output);
  child.stderr.pipe(output);
  const ended = endOf(child);
  await waitForPort(name, port, child, log);
  return {
    name,
    port,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => {
      resolve();
    });
  });
}

async function waitForPort(
  name: string,
  port: number,
  child: ChildProcess,
  log: string,
): Promise<void> {
  const giveUpAtMs = performance.now() + patienceMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > giveUpAtMs) {
      throw new Error(`${name} did not open its port; its output is in ${log}`);
    }
    await pause(pauseMs);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
