/** What a simulation is given, and what it counts. */
import type { Clock } from "../../src/foundation/clock.js";
import type { Random } from "../../src/foundation/random.js";
import type { Meddler } from "./network.js";

/** What a simulation may be made to do wrong, to see whether it is found. */
export interface Lie {
  readonly meddler?: (random: Random) => Meddler;
  readonly clock?: (clock: Clock) => Clock;
  /** True: a kill leaves the files as they were before the last group of commits. */
  readonly forgetsLastGroup?: boolean;
  /** True: what another program has written, nobody sees. */
  readonly hidesForeignWrites?: boolean;
  /** True: a kill in the middle of a start takes the WAL along. */
  readonly losesWalAtStart?: boolean;
}

export interface SimulationPlan {
  readonly seed: number;
  readonly steps: number;
  /** Where the data directories of this seed are made. */
  readonly directory: string;
  readonly keepsTrace?: boolean;
  readonly lie?: Lie;
}

/** How often what the simulation is for has happened. */
export interface Tally {
  steps: number;
  answers: number;
  refusals: number;
  commits: number;
  expired: number;
  batches: number;
  kills: number;
  stops: number;
  faults: number;
  readerDeaths: number;
  timers: number;
  /** Slices that have cut something off a log. */
  cuts: number;
  /** Watches that were told that what they begin with is gone. */
  compactedWatches: number;
  foreignWrites: number;
  /** After how many of them the engine gave up. */
  foreignWritesMet: number;
  startsKilled: number;
  startsFailed: number;
}

export function emptyTally(): Tally {
  return {
    steps: 0,
    answers: 0,
    refusals: 0,
    commits: 0,
    expired: 0,
    batches: 0,
    kills: 0,
    stops: 0,
    faults: 0,
    readerDeaths: 0,
    timers: 0,
    cuts: 0,
    compactedWatches: 0,
    foreignWrites: 0,
    foreignWritesMet: 0,
    startsKilled: 0,
    startsFailed: 0,
  };
}
