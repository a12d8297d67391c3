/** What is made of several rounds. Medians, because one round that was disturbed says nothing. */
import { median } from "../../support/figures.js";
import type { Percentiles } from "./latency.js";

/** One system at one piece of work. */
export interface Figure {
  readonly itemsPerSecond: number;
  /** Processor time of the server per item: all threads, and its first thread. */
  readonly cpuMicros: number;
  readonly mainCpuMicros: number | undefined;
  /** Of the load generator, per item; undefined where the work is done in one process. */
  readonly clientCpuMicros: number | undefined;
  /** In microseconds. */
  readonly latency: Percentiles;
}

export function medianFigure(figures: readonly Figure[]): Figure {
  const of = (pick: (figure: Figure) => number): number => median(figures.map(pick));
  const ofKnown = (pick: (figure: Figure) => number | undefined): number | undefined => {
    const known = figures.flatMap((figure) => pick(figure) ?? []);
    return known.length === 0 ? undefined : median(known);
  };
  return {
    itemsPerSecond: of((figure) => figure.itemsPerSecond),
    cpuMicros: of((figure) => figure.cpuMicros),
    mainCpuMicros: ofKnown(({ mainCpuMicros }) => mainCpuMicros),
    clientCpuMicros: ofKnown(({ clientCpuMicros }) => clientCpuMicros),
    latency: {
      p50: of(({ latency }) => latency.p50),
      p99: of(({ latency }) => latency.p99),
      p999: of(({ latency }) => latency.p999),
      max: of(({ latency }) => latency.max),
      count: of(({ latency }) => latency.count),
    },
  };
}

/** Measures each system once, then each again, and so on: what drifts, drifts under all of them. */
export async function interleaved<Name extends string>(
  rounds: number,
  systems: Readonly<Record<Name, () => Promise<Figure>>>,
): Promise<Record<Name, Figure>> {
  const names = Object.keys(systems) as Name[];
  const measured = new Map<Name, Figure[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) measured.get(name)?.push(await systems[name]());
  }
  const medians = names.map((name) => [name, medianFigure(measured.get(name) ?? [])]);
  return Object.fromEntries(medians) as Record<Name, Figure>;
}
