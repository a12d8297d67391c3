/** The daemon as its users run it: a process of its own, on its own files. */
import { join } from "node:path";
import { startDaemon } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { ContractClient } from "./client.js";
import type { Runner, Target, TargetOptions } from "./runner.js";

export const daemonRunner: Runner = {
  name: "against the daemon",
  start: startOnDaemon,
};

async function startOnDaemon(ending: Ending, options: TargetOptions = {}): Promise<Target> {
  const directory = tempDirectory(ending);
  const daemon = startDaemon(ending, {
    file: join(directory, "kv.db"),
    env: {
      ...(options.namespaceAutoCreate === false && { KVDB_NAMESPACE_AUTO_CREATE: "off" }),
      ...(options.valueBytesMax !== undefined && {
        KVDB_MAX_VALUE_BYTES: String(options.valueBytesMax),
      }),
    },
  });
  const { grpc } = await daemon.ready();
  const [address] = grpc;
  if (address === undefined) throw new Error("the daemon listens on one address");
  return { client: new ContractClient(ending, address), address };
}
