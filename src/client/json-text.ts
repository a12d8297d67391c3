/** The text forms that JSON gives to durations and moments: "1.5s", "2024-01-31T12:00:00.250Z". */

export interface SecondsAndNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

const nanosPerSecond = 1_000_000_000n;

/** Undefined when the text is no duration in seconds. */
export function durationFromText(text: string): SecondsAndNanos | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (match === null) return undefined;
  const sign = match[1] === "-" ? -1 : 1;
  const nanos = Number((match[3] ?? "").padEnd(9, "0"));
  return { seconds: BigInt(sign) * BigInt(match[2] ?? "0"), nanos: sign * nanos };
}

/** As many digits as it takes: 3s, 0.25s. */
export function durationText({ seconds, nanos }: SecondsAndNanos): string {
  const total = seconds * nanosPerSecond + BigInt(nanos);
  const absolute = total < 0n ? -total : total;
  const fraction = String(absolute % nanosPerSecond)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const whole = String(absolute / nanosPerSecond);
  return `${total < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}s`;
}

/** Undefined when the text is no moment with a time zone. To the millisecond, as the server is. */
export function timestampFromText(text: string): SecondsAndNanos | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(text)) {
    return undefined;
  }
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : timestampFromMs(ms);
}

export function timestampFromMs(wallMs: number): SecondsAndNanos {
  const seconds = Math.floor(wallMs / 1_000);
  return { seconds: BigInt(seconds), nanos: (wallMs - seconds * 1_000) * 1_000_000 };
}

export function timestampText(moment: SecondsAndNanos): string {
  return new Date(msOf(moment)).toISOString();
}

/** Milliseconds of a duration or a moment, finer parts dropped. */
export function msOf({ seconds, nanos }: SecondsAndNanos): number {
  return Number(seconds) * 1_000 + Math.trunc(nanos / 1_000_000);
}
