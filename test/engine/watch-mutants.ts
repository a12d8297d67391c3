/** Ways in which a watch could be wrong, planted into what one was given. */
import type { Property, Seen, SeenBatch } from "./watch-validator.js";

export interface Mutant {
  readonly name: string;
  /** All of these must be found broken. */
  readonly breaks: readonly Property[];
  /** `at` counts batches over all responses; every batch is a possible place. */
  readonly plant: (seen: readonly Seen[], at: number) => readonly Seen[];
}

export const mutants: readonly Mutant[] = [
  {
    name: "a revision is dropped",
    breaks: ["reliable"],
    plant: (seen, at) => changeBatch(seen, at, () => []),
  },
  {
    name: "a revision is repeated",
    breaks: ["unique"],
    plant: (seen, at) => changeBatch(seen, at, (batch) => [batch, batch]),
  },
  {
    name: "a revision is torn over two responses",
    breaks: ["atomic", "unique"],
    plant: (seen, at) =>
      changeBatch(seen, at, (batch) => {
        const middle = Math.ceil(batch.changes.length / 2);
        const head = { ...batch, changes: batch.changes.slice(0, middle) };
        return [head, { ...batch, changes: batch.changes.slice(middle) }];
      }),
  },
  {
    name: "one change of a revision is left out",
    breaks: ["atomic"],
    plant: (seen, at) =>
      changeBatch(seen, at, (batch) => [{ ...batch, changes: batch.changes.slice(1) }]),
  },
  {
    name: "a change of another range is let through",
    breaks: ["filtered"],
    plant: (seen, at) =>
      changeBatch(seen, at, (batch) => {
        const foreign = { key: "\u0000", value: "foreign" };
        return [{ ...batch, changes: [foreign, ...batch.changes] }];
      }),
  },
  {
    name: "a response says it is complete before it is",
    breaks: ["resumable"],
    plant: hurried,
  },
  {
    name: "the last revision comes first",
    breaks: ["ordered"],
    plant: (seen: readonly Seen[]): readonly Seen[] => {
      const last = batchesOf(seen).at(-1);
      if (last === undefined) return seen;
      const rest = changeBatch(seen, batchesOf(seen).length - 1, () => []);
      return [{ kind: "response", complete: 0n, batches: [last] }, ...rest];
    },
  },
];

export function batchesOf(seen: readonly Seen[]): SeenBatch[] {
  return seen.flatMap((step) => (step.kind === "response" ? step.batches : []));
}

function changeBatch(
  seen: readonly Seen[],
  at: number,
  change: (batch: SeenBatch) => readonly SeenBatch[],
): Seen[] {
  let count = 0;
  return seen.map((step) => {
    if (step.kind !== "response") return step;
    const batches = step.batches.flatMap((batch) => (count++ === at ? change(batch) : [batch]));
    return { ...step, batches };
  });
}

/** The response before the one with the batch claims what only that one brings. */
function hurried(seen: readonly Seen[], at: number): Seen[] {
  const batch = batchesOf(seen)[at];
  const holder = seen.findIndex(
    (step) => step.kind === "response" && step.batches.includes(batch as SeenBatch),
  );
  if (batch === undefined) return [...seen];
  const early: Seen = { kind: "response", complete: batch.revision, batches: [] };
  return [...seen.slice(0, holder), early, ...seen.slice(holder)];
}
