/**
 * Bugs, as opposed to refusals. What fails here is a mistake of ours: nothing catches it on
 * purpose, and the process stops. Expected refusals are values, operational failures EngineError.
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Stops the caller when a condition we rely on does not hold. The message says what should hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the default arm of an exhaustive switch: the build breaks when a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionError(`a case is missing for ${describe(value)}`);
}

/** Names the case without printing the content: a message may carry keys and values. */
function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null && "kind" in value) return String(value.kind);
  return typeof value;
}
