/** What was answered over a socket, in the form in which it is compared. */
import type * as namespaces from "../../src/wire/kvdb/v1/namespace.js";
import { Broken, type Seen } from "./port.js";
import { refusalOf } from "./refusals.js";

/** How many bytes the history has is nobody's to predict. */
export function known(info: namespaces.NamespaceInfo | undefined): unknown {
  if (info?.stats === undefined) return info;
  return { ...info, stats: { ...info.stats, historyBytes: undefined } };
}

export function one(answer: unknown): Seen {
  return { answer, hints: {}, operations: 1 };
}

/** The refusal itself, or what says that the server went away after these answers. */
export function brokenAt(error: unknown, answers: readonly unknown[]): unknown {
  try {
    refusalOf(error);
    return error;
  } catch (broken) {
    return broken instanceof Broken ? new Broken(answers, error) : broken;
  }
}
