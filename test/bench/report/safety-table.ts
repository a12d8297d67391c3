/**
 * What SQLite's safety costs, and what became of figures that were promised for it elsewhere: the
 * description this project began from gives 17 to 20 ms per 1,000 writes for WAL with EXTRA, and less
 * than 25 % overhead. Both hold only where a sync costs nothing, or where many writes share one.
 */
import { type Machine, syncIsFree } from "../measure/machine.js";
import type { RawJournal, RawSynchronous } from "../raw/raw-job.js";
import { duration, number } from "./row.js";

export const groupSizes = [1, 10, 100, 1_000] as const;
const promisedMs = 20;
const promisedOverhead = 0.25;

export interface SafetyCell {
  readonly journal: RawJournal;
  readonly synchronous: RawSynchronous;
  readonly perCommit: number;
  readonly msPer1000Writes: number;
}

export function safetyMarkdown(machine: Machine, cells: readonly SafetyCell[]): string {
  return `${[
    "# What a safe write costs in SQLite",
    conditions(machine),
    table(cells),
    ...verdicts(machine, cells),
  ].join("\n\n")}\n`;
}

function conditions(machine: Machine): string {
  const free = syncIsFree(machine)
    ? "**A sync is free here: nothing reaches a disk, and every figure below is one of memory.**"
    : "A sync takes as long as a device takes; that it is not lied to is more than a clock can show.";
  return [
    "Made by `npm run bench:sqlite-safety`: raw better-sqlite3, 32-byte keys, 256-byte values, no kvdb.",
    "Milliseconds per 1,000 writes, with 1, 10, 100 or 1,000 writes in each commit. `WAL EXTRA` with 1 is",
    "what is called `wal_extra` elsewhere, `WAL FULL` `wal_full`, `WAL NORMAL` `wal_normal`, `DELETE FULL`",
    "`delete_full`. In WAL mode EXTRA and FULL do the same.",
    "",
    `- ${machine.processor}; ${String(machine.cores)} cores; Linux ${machine.kernel}; ${machine.fileSystem}`,
    `- append of 4 KiB and fdatasync: ${duration(machine.diskSyncMicros)} (p50). ${free}`,
  ].join("\n");
}

function table(cells: readonly SafetyCell[]): string {
  const head = ["journal", "synchronous", ...groupSizes.map((size) => `${number(size)} a commit`)];
  const pairs = new Map(cells.map((cell) => [`${cell.journal} ${cell.synchronous}`, cell]));
  const lines = [...pairs.values()].map(({ journal, synchronous }) => {
    const times = groupSizes.map((perCommit) => {
      return number(find(cells, { journal, synchronous, perCommit }));
    });
    return [journal, synchronous, ...times];
  });
  const line = (parts: readonly string[]): string => `| ${parts.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...lines.map(line)].join("\n");
}

/** What was promised, what was measured, and what a commit would have to cost for the promise. */
function verdicts(machine: Machine, cells: readonly SafetyCell[]): readonly string[] {
  const wal = (synchronous: RawSynchronous, perCommit: number): number => {
    return find(cells, { journal: "WAL", synchronous, perCommit });
  };
  const lone = wal("EXTRA", 1);
  const overhead = (perCommit: number): number =>
    wal("EXTRA", perCommit) / wal("NORMAL", perCommit) - 1;
  const word = (met: boolean): string => (met ? "MET" : "MISS");
  const bound = (machine.diskSyncMicros * 1_000) / 1_000;
  const grouped = groupSizes.map((size) => {
    return `${number(size)} a commit: ${number(wal("EXTRA", size))} ms, ${number(overhead(size) * 100)} % over NORMAL`;
  });
  return [
    "## What was promised elsewhere",
    [
      `- ${word(lone <= promisedMs)}: "17–20 ms per 1,000 writes" with EXTRA, each write its own commit:` +
        ` ${number(lone)} ms. A thousand syncs of this disk alone are ${number(bound)} ms; the promise needs a` +
        " sync of at most 20 µs, which no disk gives: it was measured where fsync is free.",
      `- ${word(overhead(1) < promisedOverhead)}: "< 25 % overhead" against NORMAL, each write its own commit:` +
        ` ${number(overhead(1) * 100)} %. NORMAL does not sync a commit at all, so the difference is the disk.`,
      `- Where writes share a commit, as they do in kvdb: ${grouped.join("; ")}.`,
    ].join("\n"),
  ];
}

function find(cells: readonly SafetyCell[], wanted: Omit<SafetyCell, "msPer1000Writes">): number {
  const cell = cells.find((each) => {
    return (
      each.journal === wanted.journal &&
      each.synchronous === wanted.synchronous &&
      each.perCommit === wanted.perCommit
    );
  });
  if (cell === undefined) throw new Error(`nothing was measured for ${JSON.stringify(wanted)}`);
  return cell.msPer1000Writes;
}
