/** The command line tool as its users meet it: a process of its own, its streams and its exit code. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { environmentWithoutSettings } from "../../src/config/client-environment.js";

export const kvdbProgram = fileURLToPath(new URL("../../src/kvdb.js", import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

export type Kvdb = (args: readonly string[], options?: RunOptions) => Promise<Ran>;

/** A tool that talks to one daemon, by KVDB_ADDRESS. */
export function kvdbAt(address: string): Kvdb {
  return async (args, options = {}) => {
    const child = startKvdb(args, { KVDB_ADDRESS: address, ...options.env });
    child.stdin.end(options.input ?? "");
    return await ended(child);
  };
}

/** The same, for commands that must go well. */
export function succeeding(kvdb: () => Kvdb): (...args: readonly string[]) => Promise<Ran> {
  return async (...args) => {
    const ran = await kvdb()(args);
    assert.equal(ran.code, 0, `kvdb ${args.join(" ")}: ${ran.stderr}`);
    return ran;
  };
}

export function startKvdb(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ["--enable-source-maps", kvdbProgram, ...args], {
    env: { ...environmentWithoutSettings(), ...env },
  });
}

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ran> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => stdout.push(data));
  child.stderr.on("data", (data: Buffer) => stderr.push(data));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8") };
}

/** The JSON that a command printed, which must be all it printed. */
export function jsonOf(ran: Ran): Record<string, unknown> {
  return JSON.parse(ran.stdout.toString("utf8")) as Record<string, unknown>;
}
