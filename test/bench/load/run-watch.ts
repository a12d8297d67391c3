/**
 * Many watchers over few connections, each of a span of its own, and a writer at a steady rate: how
 * long after the time at which a write was due its watcher hears of it. The writes are acknowledged
 * writes, so the delay holds the way to the disk too.
 */
import { PutRequest, WatchRequest, WatchResponse } from "../../../src/wire/kvdb/v1/kv.js";
import { pause } from "../../support/wait.js";
import { Latencies } from "../measure/latency.js";
import { cpuBetween, cpuTimeOf } from "../measure/process-cpu.js";
import { Http2Connection } from "../wire/http2-connection.js";
import type { Workload } from "../workload/keys.js";
import { RequestTemplate } from "../workload/template.js";
import { kvdbPath } from "./kvdb-lane.js";
import type { LoadReport, WatchJob } from "./load-job.js";
import { beating, firstBeatMs } from "./pacing.js";

/** Room for the keys that one watcher is sent; no key is written twice. */
const keysPerWatcher = 100_000;
const lookMs = 20;
const patienceMs = 10_000;

interface Crowd {
  /** When the write of a key was due, until its event has come. */
  readonly dueMs: Map<string, number>;
  readonly delays: Latencies;
  /** Watchers that miss nothing from now on: the server says so with its headers. */
  standing: number;
  failure: string | undefined;
}

export async function runWatch(job: WatchJob, workload: Workload): Promise<LoadReport> {
  const crowd: Crowd = {
    dueMs: new Map(),
    delays: new Latencies(),
    standing: 0,
    failure: undefined,
  };
  const connections: Http2Connection[] = [];
  try {
    for (let made = 0; made < job.connections; made += 1) {
      connections.push(await Http2Connection.open(job.port));
    }
    for (let watcher = 0; watcher < job.watchers; watcher += 1) {
      const connection = connections[watcher % connections.length] as Http2Connection;
      startWatcher(connection, job.firstKey + watcher * keysPerWatcher, workload, crowd);
    }
    await allStanding(job, crowd);
    return await writeAndListen(job, connections, workload, crowd);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function startWatcher(
  connection: Http2Connection,
  firstKey: number,
  workload: Workload,
  crowd: Crowd,
): void {
  const interval = { start: workload.key(firstKey), end: workload.key(firstKey + keysPerWatcher) };
  const request = WatchRequest.fromPartial({
    range: { range: { $case: "interval", value: interval } },
  });
  const stream = connection.begin(kvdbPath.watch, {
    begun() {
      crowd.standing += 1;
    },
    message(content) {
      for (const event of WatchResponse.decode(content).events) {
        const key = Buffer.from(event.kv?.key ?? []).toString("latin1");
        const due = crowd.dueMs.get(key);
        if (due === undefined) crowd.failure ??= `an event that was not expected: ${key}`;
        else crowd.delays.addMs(performance.now() - due);
        crowd.dueMs.delete(key);
      }
    },
    ended(failure) {
      crowd.failure ??= `a watch ended: ${failure ?? "by itself"}`;
    },
  });
  connection.send(stream, WatchRequest.encode(request).finish(), true);
}

async function writeAndListen(
  job: WatchJob,
  connections: readonly Http2Connection[],
  workload: Workload,
  crowd: Crowd,
): Promise<LoadReport> {
  const template = new RequestTemplate(workload, 1, ([index = 0]) => {
    const entry = { key: workload.key(index), value: workload.value(index) };
    return PutRequest.encode(PutRequest.fromPartial(entry)).finish();
  });
  const intervalMs = 1_000 / job.writesPerSecond;
  const before = cpuTimeOf(job.pid);
  const clientBefore = process.cpuUsage();
  const beginMs = firstBeatMs();
  const endMs = beginMs + job.seconds * 1_000;
  let written = 0;
  await beating({ beginMs, intervalMs }, (end) => {
    const nowMs = performance.now();
    for (let dueMs = beginMs; ; written += 1) {
      dueMs = beginMs + written * intervalMs;
      if (dueMs > nowMs || dueMs >= endMs) break;
      const watcher = written % job.watchers;
      const round = Math.floor(written / job.watchers);
      const index = job.firstKey + watcher * keysPerWatcher + round;
      crowd.dueMs.set(workload.key(index).toString("latin1"), dueMs);
      // Over all connections: a server allows a thousand calls on one.
      const writer = connections[written % connections.length] as Http2Connection;
      writer.unary(kvdbPath.put, template.fill([index]), (_answer, failure) => {
        if (failure !== undefined) crowd.failure ??= `a put failed: ${failure}`;
      });
    }
    if (crowd.failure !== undefined) end(new Error(crowd.failure));
    else if (nowMs >= endMs && crowd.dueMs.size === 0) end(undefined);
    else if (nowMs >= endMs + patienceMs) {
      end(new Error(`${String(crowd.dueMs.size)} events never came`));
    }
  });
  const { user, system } = process.cpuUsage(clientBefore);
  return {
    requests: written,
    items: written,
    seconds: (performance.now() - beginMs) / 1_000,
    latency: crowd.delays.percentiles(),
    serverCpu: cpuBetween(before, cpuTimeOf(job.pid)),
    clientCpuMicros: user + system,
  };
}

async function allStanding(job: WatchJob, crowd: Crowd): Promise<void> {
  const giveUpAtMs = performance.now() + patienceMs;
  while (crowd.standing < job.watchers) {
    if (crowd.failure !== undefined) throw new Error(crowd.failure);
    if (performance.now() > giveUpAtMs) {
      throw new Error(`only ${String(crowd.standing)} of ${String(job.watchers)} watchers stand`);
    }
    await pause(lookMs);
  }
}
