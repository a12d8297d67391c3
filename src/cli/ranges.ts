/** Which keys a command is about. */
import type { KeyRange } from "../client/index.js";
import { keyFrom } from "./bytes-input.js";
import { usageError } from "./cli-error.js";
import type { FlagTable } from "./command.js";
import type { FlagValues } from "./flag-values.js";

export const rangeFlags = {
  prefix: { kind: "text", placeholder: "PREFIX", doc: "Keys that begin with this." },
  start: { kind: "text", placeholder: "KEY", doc: "Keys from this one on." },
  end: { kind: "text", placeholder: "KEY", doc: "Keys up to this one, without it." },
  all: { kind: "switch", doc: "Every key of the namespace." },
} as const satisfies FlagTable;

/** Undefined: no flag speaks of a range. */
export function rangeFrom(flags: FlagValues): KeyRange | undefined {
  const prefix = flags.text("prefix");
  const start = flags.text("start");
  const end = flags.text("end");
  const interval = start !== undefined || end !== undefined;
  const forms = [prefix !== undefined, interval, flags.switched("all")].filter(Boolean).length;
  if (forms > 1) {
    throw usageError("--prefix, --start/--end and --all exclude each other", "give one of them");
  }
  if (prefix !== undefined) return { range: { $case: "prefix", value: keyFrom(flags, prefix) } };
  if (!interval) return flags.switched("all") ? everyKey : undefined;
  const value = { start: keyFrom(flags, start ?? ""), end: keyFrom(flags, end ?? "") };
  return { range: { $case: "interval", value } };
}

export const everyKey: KeyRange = { range: { $case: "all", value: true } };
