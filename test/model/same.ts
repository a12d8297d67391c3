/** Whether two plain structures say the same; a time that only the server's clock knows is "about". */

/** Stands where a Timestamp or a Duration is expected that cannot be known to the millisecond. */
export class About {
  readonly ms: number;
  readonly toleranceMs: number;

  constructor(ms: number, toleranceMs: number) {
    this.ms = ms;
    this.toleranceMs = toleranceMs;
  }
}

/** Bytes by their content, fields that are undefined as absent, everything else strictly. */
export function same(actual: unknown, expected: unknown): boolean {
  if (actual === expected) return true;
  if (expected instanceof About) return isAbout(actual, expected);
  if (typeof actual !== "object" || typeof expected !== "object") return false;
  if (actual === null || expected === null) return false;
  if (actual instanceof Uint8Array || expected instanceof Uint8Array) {
    return sameBytes(actual, expected);
  }
  if (Array.isArray(actual) || Array.isArray(expected)) return sameItems(actual, expected);
  return sameFields(actual as Fields, expected as Fields);
}

type Fields = Readonly<Record<string, unknown>>;

function sameBytes(actual: unknown, expected: unknown): boolean {
  const bytes = actual instanceof Uint8Array && expected instanceof Uint8Array;
  return bytes && Buffer.compare(actual, expected) === 0;
}

function sameItems(actual: unknown, expected: unknown): boolean {
  if (!Array.isArray(actual) || !Array.isArray(expected)) return false;
  return actual.length === expected.length && actual.every((item, at) => same(item, expected[at]));
}

function sameFields(actual: Fields, expected: Fields): boolean {
  for (const name in expected) if (!same(actual[name], expected[name])) return false;
  for (const name in actual) {
    if (actual[name] !== undefined && expected[name] === undefined) return false;
  }
  return true;
}

function isAbout(actual: unknown, { ms, toleranceMs }: About): boolean {
  const { seconds, nanos } = (actual ?? {}) as {
    readonly seconds?: bigint;
    readonly nanos?: number;
  };
  if (seconds === undefined || nanos === undefined) return false;
  return Math.abs(Number(seconds) * 1_000 + nanos / 1e6 - ms) <= toleranceMs;
}
