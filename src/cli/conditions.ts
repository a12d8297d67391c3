/** The conditions of a put or delete, one flag each. */
import type { Condition } from "../client/index.js";
import type { FlagTable } from "./command.js";
import type { FlagValues } from "./flag-values.js";

export const conditionFlags = {
  "if-absent": { kind: "switch", doc: "Only when the key does not exist; else exit 4." },
  "if-present": { kind: "switch", doc: "Only when the key exists; else exit 3." },
  "if-revision": {
    kind: "revision",
    placeholder: "N",
    doc: "Only when the key was last changed by revision N; 0 means absent. Else exit 5.",
  },
  "if-version": {
    kind: "revision",
    placeholder: "N",
    doc: "Only when the key is at version N; 0 means absent. Else exit 5.",
  },
} as const satisfies FlagTable;

/** Undefined: no condition was given. */
export function conditionFrom(flags: FlagValues): Condition | undefined {
  flags.onlyOne(Object.keys(conditionFlags));
  const revision = flags.revision("if-revision");
  const version = flags.revision("if-version");
  if (flags.switched("if-absent")) return { condition: { $case: "ifAbsent", value: true } };
  if (flags.switched("if-present")) return { condition: { $case: "ifPresent", value: true } };
  if (revision !== undefined) return { condition: { $case: "ifModRevision", value: revision } };
  return version === undefined ? undefined : { condition: { $case: "ifVersion", value: version } };
}

export const requestIdFlag = {
  "request-id": {
    kind: "text",
    placeholder: "ID",
    doc: "Names the request, so that repeating it has no second effect for 10 minutes. Default: a new one.",
  },
} as const satisfies FlagTable;
