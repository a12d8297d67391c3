/**
 * kill -9 under load, at any moment, again and again on the same files. Each start answers the writes
 * that the one before left without an answer, under their old request ids, and in the end the whole
 * history is read and compared with what every caller was told.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../foundation/clock.js";
import { ProvedDaemon } from "../daemon/proved-daemon.js";
import { HistoryReader } from "../history/history-reader.js";
import type { NamespaceHistory } from "../history/namespace-history.js";
import { ProveLoad, requestIdIn } from "../load/prove-load.js";
import { counterPrefix } from "../load/write-kinds.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { databaseName } from "../states/state-check.js";

const namespaces = ["alpha", "beta"];
const callers = 6;
const manyWrites = 1_000_000;
/** How long a daemon runs before it is killed: between the first and the sum of both. */
const killAfterMsMin = 20;
const killAfterMsSpan = 300;

export interface KillSize {
  readonly cycles: number;
}

export async function proveKills(context: ProveContext, size: KillSize): Promise<PartReport> {
  const { clock, random } = context;
  const problems: string[] = [];
  const startsMs: number[] = [];
  const load = new ProveLoad({ random, namespaces, callers });
  await withDirectory(context, "kills", async (directory) => {
    const data = join(directory, "data");
    mkdirSync(data, { mode: 0o700 });
    const order = { file: join(data, databaseName), clock };
    for (let cycle = 0; cycle < size.cycles; cycle++) {
      context.progress(`kills: ${String(cycle + 1)} of ${String(size.cycles)}`);
      const daemon = await ProvedDaemon.start(order);
      startsMs.push(daemon.startMs);
      await load.settle(daemon.client);
      const running = load.run(daemon.client, manyWrites);
      await sleep(clock, killAfterMsMin + random.below(killAfterMsSpan));
      await daemon.kill();
      await running;
    }
    const daemon = await ProvedDaemon.start(order);
    await load.settle(daemon.client);
    problems.push(...(await differences(daemon, load)));
    await daemon.stop();
  });
  const sorted = startsMs.sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return reportOf(
    {
      name: "kills",
      title: "kill -9 under load loses no acknowledged write, and a retry has one effect",
      tried: size.cycles,
      unit: "kills under load, all on the same files",
      facts: [
        `${String(load.answered.size)} writes acknowledged`,
        `from start to serving ${middle.toFixed(0)} ms in the middle, ${(sorted.at(-1) ?? 0).toFixed(0)} ms at most`,
      ],
    },
    problems,
  );
}

/** Each acknowledged write stands once, at the revision it was told, and each increment counts. */
async function differences({ client }: ProvedDaemon, load: ProveLoad): Promise<readonly string[]> {
  const reader = new HistoryReader();
  for (const namespace of namespaces) await reader.catchUp(client, namespace);
  const problems: string[] = [];
  const revisions = revisionsOf(reader.histories, problems);
  let increments = 0;
  for (const [requestId, answered] of load.answered) {
    increments += answered.increments;
    const found = revisions.get(requestId);
    if (found === undefined) {
      if (answered.leavesItsId) problems.push(`${requestId} was acknowledged and is missing`);
    } else if (found !== answered.revision) {
      const { revision } = answered;
      problems.push(`${requestId} was acknowledged as ${String(revision)}, not ${String(found)}`);
    }
  }
  const counted = countersIn(reader.histories);
  if (counted !== increments) {
    problems.push(`${String(increments)} increments were acknowledged, ${String(counted)} counted`);
  }
  return problems;
}

/** By request id, as the values tell; a request with two revisions has had two effects. */
function revisionsOf(
  histories: readonly NamespaceHistory[],
  problems: string[],
): ReadonlyMap<string, number> {
  const revisions = new Map<string, number>();
  for (const { revision, value } of histories.flatMap(({ changes }) => changes)) {
    const requestId = value === undefined ? undefined : requestIdIn(Buffer.from(value));
    if (requestId === undefined) continue;
    const before = revisions.get(requestId) ?? revision;
    if (before !== revision) problems.push(`${requestId} has had an effect twice`);
    revisions.set(requestId, revision);
  }
  return revisions;
}

function countersIn(histories: readonly NamespaceHistory[]): number {
  const last = new Map<string, number>();
  for (const { name, changes } of histories) {
    for (const { key, value } of changes) {
      const text = Buffer.from(key).toString("utf8");
      if (!text.startsWith(counterPrefix) || value === undefined) continue;
      last.set(`${name} ${text}`, Number(Buffer.from(value).toString("utf8")));
    }
  }
  return [...last.values()].reduce((sum, value) => sum + value, 0);
}
