/**
 * Everything a row may use: servers, started and filled when a row first asks for them, and the
 * processes that make load. One row runs at a time.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { EngineJob, EngineReport } from "../inside/engine-job.js";
import type { Job, KeySpan, LoadJob, LoadReport } from "../load/load-job.js";
import type { Figure } from "../measure/statistics.js";
import type { MeasuredServer } from "../peers/server.js";
import { type StartedKvdb, startKvdb } from "../peers/start-kvdb.js";
import { startEcho, startEtcd, startRedis } from "../peers/start-peers.js";
import type { Plan } from "../plan.js";
import { WorkingProcess } from "../processes/working-process.js";
import type { RawJob, RawReport } from "../raw/raw-job.js";

const program = {
  load: new URL("../load/load-program.js", import.meta.url),
  raw: new URL("../raw/raw-program.js", import.meta.url),
  engine: new URL("../inside/engine-program.js", import.meta.url),
};
/** As the daemon's default, for raw SQLite too. */
const cacheBytes = 64 * 1_024 * 1_024;
const itemsPerFill = { kvdb: 1_000, etcd: 100, redis: 1_000 } as const;

/** What differs from one load to the next; the rest is the plan's. */
export type Asked = Pick<LoadJob, "work"> &
  Partial<
    Pick<LoadJob, "itemsPerRequest" | "connections" | "pace" | "keys" | "seconds" | "warmupSeconds">
  >;

export interface BenchSetup {
  readonly plan: Plan;
  /** Where all servers keep their files. */
  readonly directory: string;
  /** In front of the command line of every kvdbd: a profiler, or nothing. */
  readonly kvdbWrapper: readonly string[];
  readonly say: (what: string) => void;
}

export class Bench {
  readonly plan: Plan;
  readonly directory: string;
  readonly say: (what: string) => void;
  readonly load: WorkingProcess<Job, LoadReport>;
  readonly #kvdbWrapper: readonly string[];
  /** What a process has done before: its id and the work. */
  readonly #known = new Set<string>();
  readonly #servers = new Map<string, Promise<MeasuredServer>>();
  readonly #processes: { stop(): void }[] = [];
  #kvdb: Promise<StartedKvdb> | undefined;
  #raw: Promise<WorkingProcess<RawJob, RawReport>> | undefined;

  constructor({ plan, directory, kvdbWrapper, say }: BenchSetup) {
    this.plan = plan;
    this.directory = directory;
    this.#kvdbWrapper = kvdbWrapper;
    this.say = say;
    this.load = this.anotherLoad();
  }

  /**
   * The keys that every server holds. Writes overwrite them with the values that they have, so that
   * all stores keep their size while they are measured, and reads can always be checked.
   */
  get keys(): KeySpan {
    return { first: 0, count: this.plan.keys };
  }

  kvdb(): Promise<StartedKvdb> {
    this.#kvdb ??= this.#filled("kvdb", this.#startKvdb("kvdb"));
    return this.#kvdb;
  }

  /** The same store, stopped in order and started again: nothing is in its caches. */
  async restartKvdb(): Promise<StartedKvdb> {
    await (await this.kvdb()).stop();
    this.#kvdb = this.#startKvdb("kvdb");
    return this.#kvdb;
  }

  /** A store of its own for one row; empty. */
  async anotherKvdb(
    name: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<StartedKvdb> {
    const server = await this.#startKvdb(name, env);
    this.#servers.set(name, Promise.resolve(server));
    return server;
  }

  etcd(): Promise<MeasuredServer> {
    return this.#once("etcd", () => {
      return this.#filled("etcd", startEtcd(join(this.directory, "etcd")));
    });
  }

  redis(): Promise<MeasuredServer> {
    return this.#once("redis", () => {
      return this.#filled("redis", startRedis(join(this.directory, "redis")));
    });
  }

  echo(): Promise<MeasuredServer> {
    return this.#once("echo", async () => {
      const echo = await startEcho();
      await this.#warm(echo);
      return echo;
    });
  }

  /** Raw SQLite on the plan's keys; WAL and EXTRA, as the daemon. */
  raw(): Promise<WorkingProcess<RawJob, RawReport>> {
    this.#raw ??= this.#startRaw();
    return this.#raw;
  }

  async openRaw(): Promise<void> {
    const file = join(this.directory, "raw", "raw.db");
    const raw = await this.raw();
    await raw.run({ kind: "open", file, journal: "WAL", synchronous: "EXTRA", cacheBytes });
  }

  engine(): WorkingProcess<EngineJob, EngineReport> {
    const engine = new WorkingProcess<EngineJob, EngineReport>(program.engine);
    this.#processes.push(engine);
    return engine;
  }

  anotherLoad(): WorkingProcess<Job, LoadReport> {
    const load = new WorkingProcess<Job, LoadReport>(program.load);
    this.#processes.push(load);
    return load;
  }

  async measure(server: MeasuredServer, asked: Asked, load = this.load): Promise<Figure> {
    return figureOf(await load.run(this.#job(server, asked)));
  }

  async measureRaw(job: RawJob): Promise<Figure> {
    const raw = await this.raw();
    const report = await raw.run(job);
    return {
      itemsPerSecond: report.items / report.seconds,
      cpuMicros: report.cpuMicros / report.items,
      mainCpuMicros: undefined,
      clientCpuMicros: undefined,
      latency: report.latency,
    };
  }

  /** Writes the keys of the span, each once. */
  async fill(server: MeasuredServer, keys: KeySpan): Promise<void> {
    const wanted = server.name === "echo" ? 1 : itemsPerFill[server.name];
    const itemsPerRequest = Math.min(wanted, keys.count);
    const pace = { kind: "once", inFlight: 1, shuffled: false } as const;
    await this.measure(server, {
      work: "batch-write",
      itemsPerRequest,
      connections: 4,
      pace,
      keys,
    });
  }

  async close(): Promise<void> {
    for (const process of this.#processes) process.stop();
    const started = [...this.#servers.values(), ...(this.#kvdb === undefined ? [] : [this.#kvdb])];
    for (const server of await Promise.allSettled(started)) {
      if (server.status === "fulfilled") await server.value.stop();
    }
  }

  #startKvdb(name: string, env: Readonly<Record<string, string>> = {}): Promise<StartedKvdb> {
    return startKvdb(join(this.directory, name), env, this.#kvdbWrapper);
  }

  #job(server: MeasuredServer, asked: Asked): LoadJob {
    return {
      kind: "load",
      server: server.name,
      port: server.port,
      pid: server.pid,
      itemsPerRequest: 1,
      connections: 8,
      pace: { kind: "closed", inFlight: 1 },
      keys: this.keys,
      warmupSeconds: this.#warmupSeconds(server, asked),
      seconds: this.plan.seconds,
      ...asked,
    };
  }

  /** Only a closed loop warms up at will: what is read once is read once. */
  #warmupSeconds({ name, pid }: MeasuredServer, { work, pace }: Asked): number {
    const { warmupSeconds, firstWarmupSeconds } = this.plan;
    const isCompiled = name === "etcd" || name === "redis";
    const first = `${String(pid)} ${work}`;
    const isClosed = pace === undefined || pace.kind === "closed";
    if (isCompiled || !isClosed || this.#known.has(first)) return warmupSeconds;
    this.#known.add(first);
    return firstWarmupSeconds;
  }

  async #filled<Server extends MeasuredServer>(
    name: string,
    starting: Promise<Server>,
  ): Promise<Server> {
    const server = await starting;
    this.say(`writing ${String(this.plan.keys)} keys to ${name}`);
    await this.fill(server, this.keys);
    await this.#warm(server);
    return server;
  }

  /** Lets a server's compiler see its hot paths before anything counts. */
  async #warm(server: MeasuredServer): Promise<void> {
    const pace = { kind: "closed", inFlight: 16 } as const;
    for (const work of ["get", "put"] as const) {
      await this.measure(server, { work, pace, seconds: this.plan.seconds });
    }
  }

  #once(name: string, start: () => Promise<MeasuredServer>): Promise<MeasuredServer> {
    const known = this.#servers.get(name);
    if (known !== undefined) return known;
    const starting = start();
    this.#servers.set(name, starting);
    return starting;
  }

  async #startRaw(): Promise<WorkingProcess<RawJob, RawReport>> {
    const raw = new WorkingProcess<RawJob, RawReport>(program.raw);
    this.#processes.push(raw);
    mkdirSync(join(this.directory, "raw"));
    const file = join(this.directory, "raw", "raw.db");
    await raw.run({ kind: "open", file, journal: "WAL", synchronous: "EXTRA", cacheBytes });
    await raw.run({ kind: "fill", keys: this.plan.keys });
    return raw;
  }
}

export function figureOf(report: LoadReport): Figure {
  return {
    itemsPerSecond: report.items / report.seconds,
    cpuMicros: report.serverCpu.allMicros / report.items,
    mainCpuMicros: report.serverCpu.mainMicros / report.items,
    clientCpuMicros: report.clientCpuMicros / report.items,
    latency: report.latency,
  };
}
