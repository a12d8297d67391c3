/** kvdbd as its users run it: compiled, the production profile, every setting at its default. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../../support/spawn-daemon.js";
import type { MeasuredServer } from "./server.js";

export interface StartedKvdb extends MeasuredServer {
  /** "127.0.0.1:PORT", for a gRPC client. */
  readonly address: string;
  /** From starting the process to its ready line, which is when health says SERVING. */
  readonly startupMs: number;
}

export async function startKvdb(
  directory: string,
  env: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
): Promise<StartedKvdb> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const beganMs = performance.now();
  const file = join(directory, "kv.db");
  const daemon = new Daemon({ file, env, wrapper, sourceMaps: false });
  const { grpc, pid } = await daemon.ready();
  const startupMs = performance.now() - beganMs;
  const address = grpc[0] ?? "";
  return {
    name: "kvdb",
    address,
    port: Number(address.slice(address.lastIndexOf(":") + 1)),
    pid,
    startupMs,
    async stop() {
      const { code } = await daemon.stop();
      if (code !== 0)
        throw new Error(`kvdbd ended with ${String(code)}: ${daemon.stderr.join("\n")}`);
    },
  };
}
