/** etcd, Redis and the bare grpc-js server, each with every write on disk before its answer. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { needProgram } from "../../support/debian-package.js";
import { freePort, type MeasuredServer, startForeign } from "./server.js";

const echoProgram = fileURLToPath(new URL("./echo-program.js", import.meta.url));

/** Installs what is missing when it may, else throws naming the Debian package. */
export function needPeers(): void {
  needProgram({ check: ["etcd", "--version"], packages: ["etcd-server"] });
  needProgram({ check: ["redis-server", "--version"], packages: ["redis-server"] });
  needProgram({ check: ["h2load", "--version"], packages: ["nghttp2-client"] });
}

/** A single node; its log is synced before every answer, which is its default. */
export async function startEtcd(directory: string): Promise<MeasuredServer> {
  const port = await freePort();
  const peerPort = await freePort();
  const client = `http://127.0.0.1:${String(port)}`;
  const peer = `http://127.0.0.1:${String(peerPort)}`;
  mkdirSync(directory, { recursive: true });
  return startForeign("etcd", directory, port, [
    "etcd",
    "--name=bench",
    `--data-dir=${join(directory, "data")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=bench=${peer}`,
    "--quota-backend-bytes=8589934592",
    "--logger=zap",
    "--log-level=error",
  ]);
}

/** Every command is synced before its answer; no snapshots beside it, no rewrite while we measure. */
export async function startRedis(directory: string): Promise<MeasuredServer> {
  const port = await freePort();
  mkdirSync(directory, { recursive: true });
  return startForeign("redis", directory, port, [
    "redis-server",
    ...["--port", String(port)],
    ...["--bind", "127.0.0.1"],
    ...["--dir", directory],
    ...["--appendonly", "yes"],
    ...["--appendfsync", "always"],
    ...["--save", ""],
    ...["--auto-aof-rewrite-percentage", "0"],
  ]);
}

export async function startEcho(): Promise<MeasuredServer> {
  const child = spawn(process.execPath, [echoProgram], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      resolve();
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    if (child.stdout === null) throw new Error("the echo's output is not piped");
    createInterface({ input: child.stdout }).once("line", (line) => {
      resolve((JSON.parse(line) as { readonly port: number }).port);
    });
  });
  return {
    name: "echo",
    port,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
