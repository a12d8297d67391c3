/**
 * Sixteen clients at work on a daemon that is killed every two seconds and started again on the same
 * files, with everything they were answered on record. Most clients send lists over a pipeline, which
 * makes the calls many enough; the others make one call after the other and set deadlines.
 */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import { bytes, ContractClient } from "../contract/client.js";
import { DaemonStore, daemonLog } from "../history/daemon-store.js";
import { PipelineStore } from "../history/pipeline-store.js";
import { Recorder } from "../history/recorder.js";
import type { LoggedRevision } from "../history/store.js";
import { namespace } from "../history/wire-questions.js";
import { Workload } from "../history/workload.js";
import { type Daemon, startDaemon } from "../support/spawn-daemon.js";
import { tempDirectory } from "../support/temp-directory.js";
import { pause } from "../support/wait.js";

const unaryClients = 4;
const pipelineClients = 12;
/** One mutation in so many of the unary clients has a deadline that it may miss. */
const hastyOneIn = 40;

export interface KillPlan {
  /** Lives follow each other until so many calls were made, */
  readonly calls: number;
  /** and until there were so many of them. */
  readonly kills: number;
  /** A life lasts between half and one and a half of this. */
  readonly lifeMs: number;
  /** Calls that each of the pipelines has under way at once. */
  readonly callsPerList: number;
  /** So many times as many keys as for a handful of callers: the fewer, the more calls meet. */
  readonly crowd: number;
  /** Read past revisions too, which a daemon that has lost one refuses. */
  readonly past: boolean;
  /** Another build than the one that is tested. */
  readonly program?: string;
}

export interface KilledHistory {
  readonly recorder: Recorder;
  /** From the first revision to the newest, as the last daemon has them. */
  readonly log: readonly LoggedRevision[];
  readonly kills: number;
}

/** After the last kill every key is read once, so that no loss goes unseen. */
export async function historyUnderKills(
  t: TestContext,
  random: Random,
  plan: KillPlan,
): Promise<KilledHistory> {
  const { program, lifeMs, callsPerList, past, crowd } = plan;
  const file = join(tempDirectory(t), "kv.db");
  const order = { file, ...(program !== undefined && { program }) };
  await makeNamespace(t, file);
  const recorder = new Recorder();
  const parts = { recorder, random, clock: systemClock(), past, crowd };
  const workload = new Workload(parts);
  let kills = 0;
  while (workload.asked < plan.calls || kills < plan.kills) {
    const daemon = startDaemon(t, order);
    const life = lifeMs / 2 + random.below(lifeMs);
    await liveAndDie(t, { daemon, workload, life, callsPerList });
    recorder.processEnded();
    kills++;
  }
  const client = new ContractClient(t, await addressOf(startDaemon(t, order)));
  await workload.readBack(new DaemonStore(client));
  // Its own word for where it stands: a daemon that has lost what it answered never gets there.
  const { header } = await client.get({ namespace, key: bytes("any") });
  return { recorder, log: await daemonLog(client, header?.revision ?? 0n), kills };
}

interface Life {
  readonly daemon: Daemon;
  readonly workload: Workload;
  readonly life: number;
  readonly callsPerList: number;
}

/** By the daemon as it is: one with a mistake may not even come as far. */
async function makeNamespace(t: TestContext, file: string): Promise<void> {
  const daemon = startDaemon(t, { file });
  const client = new ContractClient(t, await addressOf(daemon));
  await DaemonStore.create(client);
  client.close();
  await daemon.stop();
}

async function liveAndDie(t: TestContext, { daemon, workload, life, callsPerList }: Life) {
  const address = await addressOf(daemon);
  const connect = (): ContractClient => new ContractClient(t, address);
  const callers = Array.from({ length: unaryClients }, connect);
  const pipelines = Array.from({ length: pipelineClients }, connect);
  const running = [
    ...callers.map((client) => {
      const plan = { callers: 1, calls: Infinity, hastyOneIn };
      return workload.run(new DaemonStore(client), plan);
    }),
    ...pipelines.map((client) => {
      return workload.run(new PipelineStore(client), { callers: callsPerList, calls: Infinity });
    }),
  ];
  const served = Promise.all(running);
  await Promise.race([pause(life), daemon.ended, served]);
  if (!daemon.running) throw new Error(`it ended by itself:\n${daemon.stderr.join("\n")}`);
  await daemon.stop("SIGKILL");
  await served;
  for (const client of [...callers, ...pipelines]) client.close();
}

async function addressOf(daemon: Daemon): Promise<string> {
  const [address] = (await daemon.ready()).grpc;
  return address ?? "";
}
