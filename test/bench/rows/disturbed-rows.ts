/** What other callers feel while the store is busy with something long. */
import { credentials, type ServiceError } from "@grpc/grpc-js";
import {
  AdminServiceClient,
  CheckIntegrityRequest,
  CheckpointMode,
  CheckpointRequest,
  CompactRequest,
  IntegrityMode,
  VacuumRequest,
} from "../../../src/wire/kvdb/v1/admin.js";
import { GetRequest, KvServiceClient } from "../../../src/wire/kvdb/v1/kv.js";
import { answerTo } from "../../support/grpc-client.js";
import { pause } from "../../support/wait.js";
import type { Figure } from "../measure/statistics.js";
import type { StartedKvdb } from "../peers/start-kvdb.js";
import { duration, number, type Row } from "../report/row.js";
import type { Bench } from "./bench.js";

const getsPerSecond = 400;
const putsPerSecond = 100;
const wantedMs = 20;
const pauseMs = 20;

/** Something long that is done again and again until it is told to stop; says how often it was. */
type Disturbance = (going: () => boolean) => Promise<number>;

export async function disturbedRows(
  bench: Bench,
  kvdb: StartedKvdb,
  keys: number,
): Promise<readonly Row[]> {
  const admin = new AdminServiceClient(kvdb.address, credentials.createInsecure());
  const kv = new KvServiceClient(kvdb.address, credentials.createInsecure());
  const scanner = bench.anotherLoad();
  const puts = bench.anotherLoad();
  const span = { first: 0, count: keys };
  const closed = { kind: "closed", inFlight: 1 } as const;
  const scan = {
    work: "scan",
    itemsPerRequest: keys,
    connections: 1,
    pace: closed,
    keys: span,
  } as const;
  const disturbances: Readonly<Record<string, Disturbance>> = {
    "nothing else runs": () => Promise.resolve(0),
    "a checkpoint runs": checkpoints(admin),
    "an integrity check runs": integrityChecks(admin),
    "a compaction runs": compactions(admin, kv),
    [`a scan of ${number(keys)} rows runs`]: async (going) => {
      let scans = 0;
      while (going()) {
        const time = { warmupSeconds: 0, seconds: bench.plan.disturbedSeconds / 2 };
        await bench.measure(kvdb, { ...scan, ...time }, scanner);
        scans += 1;
      }
      return scans;
    },
  };
  // The clients compile their code too: what the others feel of that is not the daemon's.
  const short = { warmupSeconds: 0, seconds: bench.plan.warmupSeconds };
  await bench.measure(kvdb, { ...scan, ...short }, scanner);
  await bench.measure(kvdb, { work: "put", pace: closed, keys: span, ...short }, puts);
  const rows: Row[] = [];
  for (const [what, disturbance] of Object.entries(disturbances)) {
    bench.say(`other calls while ${what}`);
    rows.push(...(await measureWhile(bench, kvdb, keys, { what, disturbance, puts })));
  }
  admin.close();
  kv.close();
  scanner.stop();
  puts.stop();
  return rows;
}

interface Disturbed {
  readonly what: string;
  readonly disturbance: Disturbance;
  readonly puts: Bench["load"];
}

async function measureWhile(
  bench: Bench,
  kvdb: StartedKvdb,
  keys: number,
  { what, disturbance, puts }: Disturbed,
): Promise<readonly Row[]> {
  let measuring = true;
  const span = { first: 0, count: keys };
  const seconds = bench.plan.disturbedSeconds;
  const asked = { connections: 4, keys: span, seconds } as const;
  const open = (
    requestsPerSecond: number,
  ): { readonly kind: "open"; requestsPerSecond: number } => {
    return { kind: "open", requestsPerSecond };
  };
  const done = disturbance(() => measuring);
  const [get, put] = await Promise.all([
    bench.measure(kvdb, { work: "get", ...asked, pace: open(getsPerSecond) }),
    bench.measure(kvdb, { work: "put", ...asked, pace: open(putsPerSecond) }, puts),
  ]).finally(() => {
    measuring = false;
  });
  const times = await done;
  if (times === 0 && what !== "nothing else runs") throw new Error(`${what}: it did not run`);
  return [disturbedRow("get", get, what, times), disturbedRow("put", put, what, times)];
}

function disturbedRow(item: "get" | "put", figure: Figure, what: string, times: number): Row {
  const p99Ms = figure.latency.p99 / 1_000;
  const name = item === "get" ? "Get" : "Put";
  const rate = item === "get" ? getsPerSecond : putsPerSecond;
  const undisturbed = what === "nothing else runs";
  return {
    id: `${item} while ${what}`,
    table: "size",
    work: `${name} while ${what}${times === 0 ? "" : ` (${number(times)} times)`}`,
    item,
    kvdb: figure,
    etcd: undefined,
    redis: undefined,
    sqlite: undefined,
    limit: "–",
    ratio: "–",
    latencyOf: `open loop, ${number(rate)}/s beside ${item === "get" ? "100 puts" : "400 gets"}/s`,
    targets: undisturbed
      ? []
      : [{ wanted: "p99 < 20 ms", measured: duration(figure.latency.p99), met: p99Ms < wantedMs }],
    compared: [],
  };
}

function checkpoints(admin: AdminServiceClient): Disturbance {
  return async (going) => {
    let times = 0;
    for (; going(); times += 1) {
      const request = CheckpointRequest.fromPartial({
        mode: CheckpointMode.CHECKPOINT_MODE_TRUNCATE,
      });
      await answerTo((done) => admin.checkpoint(request, done));
      await pause(pauseMs);
    }
    return times;
  };
}

function integrityChecks(admin: AdminServiceClient): Disturbance {
  return async (going) => {
    let times = 0;
    while (going()) {
      const request = CheckIntegrityRequest.fromPartial({
        mode: IntegrityMode.INTEGRITY_MODE_FULL,
      });
      times += 1;
      const stream = admin.checkIntegrity(request);
      await new Promise<void>((resolve, reject) => {
        const look = setInterval(() => {
          if (!going()) stream.cancel();
        }, pauseMs);
        stream.on("data", () => undefined);
        stream.once("end", resolve);
        stream.once("error", (error: ServiceError) => {
          if (going()) reject(error);
          else resolve();
        });
        stream.once("close", () => {
          clearInterval(look);
        });
      });
    }
    return times;
  };
}

/** Forgets the history up to the head, again and again, and gives the pages back. */
function compactions(admin: AdminServiceClient, kv: KvServiceClient): Disturbance {
  return async (going) => {
    let times = 0;
    while (going()) {
      const head = await answerTo((done) => {
        return kv.get(GetRequest.fromPartial({ key: Buffer.from("head") }), done);
      });
      const revision = (head as { readonly header?: { readonly revision: bigint } }).header
        ?.revision;
      const request = CompactRequest.fromPartial({ revision: revision ?? 1n });
      await answerTo((done) => admin.compact(request, done));
      await new Promise<void>((resolve, reject) => {
        const stream = admin.vacuum(VacuumRequest.fromPartial({}));
        stream.on("data", () => undefined);
        stream.once("end", resolve);
        stream.once("error", reject);
      });
      times += 1;
      await pause(pauseMs);
    }
    return times;
  };
}
