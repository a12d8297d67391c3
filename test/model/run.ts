/**
 * A random run: several callers at once, each in namespaces of its own, and between their rounds what
 * concerns the whole store: restarts, time, administration. A run that fails says its seed and its
 * last steps, and is made small by leaving steps out.
 */
import type { Random } from "../../src/foundation/random.js";
import { seededRandom } from "../../src/foundation/random.js";
import type { Expiry, Key, LeaseId, Namespace, Operation } from "../../src/storage/model.js";
import type { Call, StoreCall } from "./calls.js";
import { Generator } from "./generator.js";
import { History } from "./history.js";
import { Broken, type Port } from "./port.js";
import { resolveCall, type Waiting } from "./resolve.js";
import { Values } from "./values.js";

export interface RunPlan {
  readonly operations: number;
  /** Callers that work at the same time. */
  readonly lanes: number;
  /** Whether the store is also ended while callers wait for it. */
  readonly upsets: boolean;
  /** Rounds between two restarts, on average. */
  readonly roundsPerRestart: number;
}

const stepsPerRound = 16;

export class Run {
  readonly history: History;
  readonly #plan: RunPlan;
  readonly #values: Values;
  readonly #lanes: readonly Generator[];
  upsets = 0;

  constructor(port: Port, random: Random, plan: RunPlan) {
    this.history = new History(port);
    this.#plan = plan;
    this.#values = new Values(random);
    const { hasRim, hasOwnTime } = port;
    this.#lanes = Array.from({ length: plan.lanes }, (_none, lane) => {
      const model = this.history.oracle.model;
      // A generator of its own for each caller: what one draws does not depend on the others' pace.
      const own = seededRandom(random.uint32());
      return new Generator(lane, {
        model,
        random: own,
        hasRim,
        hasOwnTime,
        nowMs: () => port.nowMs(),
      });
    });
  }

  /** Throws the first difference. */
  async play(): Promise<void> {
    for (const lane of this.#lanes) await this.history.call(lane.first());
    while (this.history.operations < this.#plan.operations) {
      if (this.#plan.upsets && this.#values.seldom(this.#plan.roundsPerRestart)) {
        await this.#upsetRound();
      } else {
        await this.#round();
      }
      await this.#betweenRounds();
    }
    await this.#tour();
    await this.history.restart("stop");
    await this.#store({ rpc: "ListNamespaces", pageSize: 3 });
    for (const lane of this.#lanes) await this.#readAll(lane);
  }

  async #round(): Promise<void> {
    const steps = 1 + this.#values.random.below(stepsPerRound);
    await allOf(
      this.#lanes.map(async (lane) => {
        for (let step = 0; step < steps; step++) await this.#step(lane, lane.next());
      }),
    );
  }

  async #step(lane: Generator, call: Call): Promise<void> {
    const truth = await this.history.call(call);
    if (truth !== undefined) lane.note(call, truth);
  }

  /** The store ends at a moment that nobody has chosen; what was asked of it is then found out. */
  async #upsetRound(): Promise<void> {
    const { random } = this.#values;
    const way = this.#values.seldom(3) ? "stop" : "kill";
    const left = 1 + random.below(this.#lanes.length * 12);
    let begun = 0;
    let ending: Promise<void> | undefined;
    const waiting: Waiting[] = [];
    const { oracle, port } = this.history;
    await allOf(
      this.#lanes.map(async (lane) => {
        while (ending === undefined) {
          const call = lane.nextRisky();
          if (++begun === left) ending = port.restart(way);
          try {
            await this.#step(lane, call);
          } catch (error) {
            if (!(error instanceof Broken)) throw error;
            waiting.push({ call, answers: error.answers });
            return;
          }
        }
      }),
    );
    await ending;
    oracle.restarted();
    this.history.restarts++;
    this.upsets++;
    for (const each of waiting) await resolveCall(this.history, each);
  }

  async #betweenRounds(): Promise<void> {
    const values = this.#values;
    const { random } = values;
    if (values.seldom(this.#plan.roundsPerRestart)) {
      await this.history.restart(values.seldom(2) ? "stop" : "kill");
      await this.#store({ rpc: "ListNamespaces", pageSize: 1 + random.below(4) });
    }
    const dice = random.below(40);
    if (dice < 6) await this.#passTime();
    else if (dice < 9) await this.#store({ rpc: "ListNamespaces", pageSize: 1 + random.below(5) });
    else if (dice < 12) await this.#store({ rpc: "GetStatus" });
    else if (dice < 13) await this.#store({ rpc: "GetPragmaStatus" });
    else if (dice < 15) await this.#store({ rpc: "GetWalStatus" });
    else if (dice < 17) {
      const mode = values.pick(["passive", "full", "restart", "truncate"] as const);
      await this.#store({ rpc: "Checkpoint", mode });
    } else if (dice < 18) await this.#store({ rpc: "Vacuum" });
    else if (dice < 19) await this.#store({ rpc: "WatchEvents" });
    else if (dice < 20) await this.#checkIntegrity();
    else if (dice < 22) await this.#drain();
    else if (dice < 23 && this.history.port.hasRim) {
      const level = values.pick(["error", "warn", "info", "debug"] as const);
      await this.#store({ rpc: "SetLogLevel", level });
    }
  }

  async #store(call: StoreCall): Promise<void> {
    await this.history.call(call);
  }

  async #checkIntegrity(): Promise<void> {
    await this.#store({ rpc: "GetIntegrityReport" });
    // A check is a process of its own, and costs as much as hundreds of calls.
    if (!this.#values.seldom(3)) return;
    const mode = this.#values.pick(["quick", "checksum", "all"] as const);
    await this.#store({ rpc: "CheckIntegrity", mode });
    await this.#store({ rpc: "GetIntegrityReport" });
  }

  /** Out of service and back; meanwhile everybody is told so. */
  async #drain(): Promise<void> {
    await this.#store({ rpc: "Drain" });
    for (const lane of this.#lanes) {
      const { plain: namespace } = lane;
      await this.history.call({ rpc: "ListLeases", namespace, pageSize: 3 });
      const call = lane.nextRisky();
      // A stream is refused as a whole, and an engine knows of no streams.
      if (!["Pipeline", "BulkLoad"].includes(call.rpc)) await this.#step(lane, call);
    }
    await this.#store({ rpc: "Resume" });
  }

  async #passTime(): Promise<void> {
    const { port } = this.history;
    const mortal = this.#lanes.flatMap((lane) => lane.mortal);
    if (port.hasOwnTime) return this.#outlive(mortal);
    const ms = this.#values.seldom(25) ? elevenMinutesMs : this.#values.pick([10, 400, 2_500]);
    await this.history.passTime(ms, mortal);
  }

  /** Where time passes by itself: short lives that are written together, and then waited for. */
  async #outlive(mortal: readonly Namespace[]): Promise<void> {
    const { plain: namespace } = this.#values.pick(this.#lanes);
    const put = (name: number, expiry: Expiry): Operation => {
      const [key, value] = [Uint8Array.of(name) as Key, Uint8Array.of(1)];
      return { kind: "put", key, value, expiry, returnPrevious: false };
    };
    const leaseId = 99n as LeaseId;
    const mutation = (rpc: "Txn" | "GrantLease", success: readonly Operation[]): Call => {
      const body = { compares: [], success, failure: [] };
      return { rpc, namespace, requestId: undefined, condition: undefined, body };
    };
    const lease = [{ kind: "lease-grant", leaseId, ttlMs: shortestLeaseMs }] as const;
    await this.history.call(mutation("GrantLease", lease));
    const lives = [
      put(1, { kind: "lease", leaseId }),
      put(2, { kind: "after", ttlMs: 1 }),
      put(3, { kind: "lease", leaseId }),
      put(4, { kind: "after", ttlMs: shortestLeaseMs - 1 }),
    ];
    await this.history.call(mutation("Txn", lives));
    await this.history.passTime(shortestLeaseMs, mortal);
  }

  /** Everything that is about the whole store, once for certain. */
  async #tour(): Promise<void> {
    const { hasRim } = this.history.port;
    const calls: StoreCall[] = [
      ...(["GetStatus", "GetPragmaStatus", "GetWalStatus"] as const).map((rpc) => ({ rpc })),
      { rpc: "Checkpoint", mode: "truncate" },
      { rpc: "CheckIntegrity", mode: "all" },
      ...(["GetIntegrityReport", "Vacuum", "WatchEvents"] as const).map((rpc) => ({ rpc })),
      ...(hasRim ? [{ rpc: "SetLogLevel", level: "info" } as const] : []),
      { rpc: "ListNamespaces", pageSize: 3 },
    ];
    for (const call of calls) await this.#store(call);
    await this.#drain();
  }

  async #readAll(lane: Generator): Promise<void> {
    const range = { start: new Uint8Array(0), end: undefined };
    for (const namespace of [lane.plain, lane.gone, lane.past, lane.set]) {
      const read = { namespace, range, reverse: false, keysOnly: false, at: undefined };
      await this.history.call({ rpc: "Scan", ...read });
    }
  }
}

/** More than request ids are remembered for. */
const elevenMinutesMs = 660_000;
const shortestLeaseMs = 1_000;

/** Waits for all, and then rejects with the first that was rejected. */
async function allOf(running: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(running);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
