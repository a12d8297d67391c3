/** Runs latched-engine-process.ts and reads what it saw. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { plainEnvironment } from "./spawn-daemon.js";

export interface Sighting {
  /** How a write before the fault ended, one that met it, one behind it, and one after it. */
  readonly before: string;
  readonly inHand: string;
  readonly queued: string;
  readonly later: string;
  readonly faults: readonly { readonly kind: string; readonly reason: string }[];
  readonly verbs: Readonly<Record<string, string>>;
  /** Of the `-wal` file after the engine was asked to close. */
  readonly walBytes: number;
  readonly checkpoints: number;
}

const program = fileURLToPath(new URL("./latched-engine-process.js", import.meta.url));

export async function meetFault(directory: string, failpoints: string): Promise<Sighting> {
  const flags = ["--enable-source-maps", program, directory, failpoints];
  const child = spawn(process.execPath, flags, {
    env: plainEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0 || stdout === "")
    throw new Error(`the engine's process ended ${String(code)}: ${stderr}`);
  return JSON.parse(stdout) as Sighting;
}
