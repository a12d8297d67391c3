/**
 * How a process must end, and what its callers may be told, when one call of the kernel fails. The
 * rows are read from the top; the first that fits decides.
 */
import type { SoloStory } from "../solo/solo-story.js";

export interface Fault {
  /** As the recorder names it: read, write, sync, truncate, open, unlink, rename. */
  readonly call: string;
  readonly name: string;
  readonly nth: number;
  /** EIO, ENOSPC, short or kill. */
  readonly what: string;
}

export interface FaultRule {
  readonly call?: string;
  /** How the file's name ends. */
  readonly file?: RegExp;
  readonly what?: string;
  /** The step in which it happened. */
  readonly during?: string;
  readonly ends: readonly (number | string)[];
  /** What a write may be refused as; nothing of it has happened then. */
  readonly refusals: readonly string[];
  readonly why: string;
}

const stopped = 0;
const ioError = 74;
const noSpace = 75;
const noFile = 77;

export const faultRules: readonly FaultRule[] = [
  { what: "kill", ends: ["SIGKILL"], refusals: [], why: "nobody can answer" },
  {
    call: "read",
    file: /\.owner$/,
    ends: [stopped],
    refusals: [],
    why: "who owned it before is not known then, and only that",
  },
  {
    call: "read",
    file: /\.(db|db-wal)$/,
    ends: [stopped, ioError],
    refusals: [],
    why: "a read is repeated before damage is believed; where a transaction or a checkpoint meets it the process ends",
  },
  { what: "short", ends: [stopped], refusals: [], why: "the rest is written by a second call" },
  {
    file: /\.clean\.partial$/,
    ends: [stopped],
    refusals: [],
    why: "all is closed by then; the next start only looks closer",
  },
  {
    file: /\.hwm$/,
    during: "close",
    ends: [stopped, ioError],
    refusals: [],
    why: "a mark that is older than it could be says nothing wrong, and the marker is written",
  },
  {
    call: "write",
    file: /\.(db|db-wal|db-journal)$/,
    what: "ENOSPC",
    ends: [stopped, noSpace],
    refusals: ["disk-full"],
    why: "nothing happened; a start ends, a running engine goes on",
  },
  {
    what: "ENOSPC",
    ends: [stopped, ioError, noSpace],
    refusals: ["disk-full"],
    why: "a file of ours beside the database has no room",
  },
  {
    call: "sync",
    file: /^\.$/,
    ends: [stopped, ioError],
    refusals: [],
    why: "SQLite does not look at its own syncs of the directory; ours end the process",
  },
  {
    call: "open",
    file: /\.(lock|db-journal)$/,
    ends: [noFile],
    refusals: [],
    why: "a file that cannot be opened, whatever the reason",
  },
  {
    call: "open",
    file: /\.owner$/,
    ends: [stopped],
    refusals: [],
    why: "who owned it before is not known then, and only that",
  },
  {
    call: "unlink",
    file: /-wal$/,
    ends: [stopped],
    refusals: [],
    why: "it is empty, and closed over",
  },
  { ends: [ioError], refusals: [], why: "the disk has failed: nothing more is written" },
];

export function faultText({ call, name, nth, what }: Fault): string {
  return `${call}:${name}:${String(nth)}:${what}`;
}

export interface ObservedEnd {
  /** The step in which the call failed. */
  readonly during: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly lastWords: string;
}

/** What was not as the rule wants it, as sentences. */
export function brokenRules(fault: Fault, end: ObservedEnd, story: SoloStory): readonly string[] {
  const rule = faultRules.find((row) => fits(row, fault, end.during));
  if (rule === undefined) return ["there is no rule for it"];
  const problems: string[] = [];
  const ended = end.code ?? end.signal ?? "nothing";
  if (!rule.ends.includes(ended)) {
    const wanted = rule.ends.join(" or ");
    problems.push(`it ended with ${String(ended)}, not ${wanted}: ${end.lastWords.trim()}`);
  }
  for (const { write, why } of story.refused) {
    if (rule.refusals.includes(why)) continue;
    problems.push(`write ${String(write)} was refused as ${why}`);
  }
  if (ended === stopped && story.unanswered > 0) problems.push("a write was never answered");
  return problems;
}

function fits({ call, file, what, ...rule }: FaultRule, fault: Fault, during: string): boolean {
  if (rule.during !== undefined && rule.during !== during) return false;
  if (call !== undefined && call !== fault.call) return false;
  if (what !== undefined && what !== fault.what) return false;
  return file?.test(fault.name) ?? true;
}
