/** The flags of one invocation, read by the kind that their row gives them. */
import { assert } from "../foundation/assert.js";
import { int64Max, int64Min } from "../storage/limits.js";
import { usageError } from "./cli-error.js";
import type { FlagRow, FlagTable } from "./command.js";
import { parseDurationMs } from "./durations.js";

const revisionMax = 2n ** 64n - 1n;
const countMax = 2 ** 31 - 1;

export class FlagValues {
  readonly #table: FlagTable;
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  constructor(table: FlagTable, values: Readonly<Record<string, string | boolean | undefined>>) {
    this.#table = table;
    this.#values = values;
    for (const [name, row] of Object.entries(table)) this.#check(name, row);
  }

  switched(name: string): boolean {
    return this.#of(name, "switch") === true;
  }

  text(name: string): string | undefined {
    return this.#text(name, "text");
  }

  /** One of the row's choices. */
  choice(name: string): string | undefined {
    return this.#text(name, "choice");
  }

  /** A whole number from 0 on. */
  count(name: string): number | undefined {
    const text = this.#text(name, "count");
    return text === undefined ? undefined : Number(text);
  }

  /** A whole number from 0 to 2^64 - 1. */
  revision(name: string): bigint | undefined {
    const text = this.#text(name, "revision");
    return text === undefined ? undefined : BigInt(text);
  }

  /** A whole number of 64 bits, with a sign. */
  integer(name: string): bigint | undefined {
    const text = this.#text(name, "integer");
    return text === undefined ? undefined : BigInt(text);
  }

  durationMs(name: string): number | undefined {
    const text = this.#text(name, "duration");
    return text === undefined ? undefined : parseDurationMs(text);
  }

  /** Those of the names that were given; for flags that exclude each other. */
  given(names: readonly string[]): readonly string[] {
    return names.filter((name) => this.#values[name] !== undefined);
  }

  /** At most one of the names, else a usage error. */
  onlyOne(names: readonly string[]): string | undefined {
    const given = this.given(names);
    if (given.length <= 1) return given[0];
    const flags = given.map((name) => `--${name}`).join(" and ");
    throw usageError(`${flags} exclude each other`, "give one of them");
  }

  #text(name: string, kind: FlagRow["kind"]): string | undefined {
    const value = this.#of(name, kind);
    return typeof value === "string" ? value : undefined;
  }

  #of(name: string, kind: FlagRow["kind"]): string | boolean | undefined {
    assert(this.#table[name]?.kind === kind, `the table has no ${kind} named ${name}`);
    return this.#values[name];
  }

  #check(name: string, row: FlagRow): void {
    const value = this.#values[name];
    if (typeof value !== "string") return;
    const wanted = wantedInstead(row, value);
    if (wanted === undefined) return;
    throw usageError(`--${name} cannot be ${JSON.stringify(value)}`, `it takes ${wanted}`);
  }
}

/** What the flag takes, when the value is not it. */
function wantedInstead(row: FlagRow, value: string): string | undefined {
  switch (row.kind) {
    case "switch":
    case "text":
      return undefined;
    case "choice":
      return row.choices?.includes(value) === true ? undefined : row.choices?.join(", ");
    case "duration":
      return parseDurationMs(value) === undefined ? "a time such as 500ms, 10s or 2m" : undefined;
    case "count":
      return /^\d{1,10}$/.test(value) && Number(value) <= countMax
        ? undefined
        : `a whole number from 0 to ${String(countMax)}`;
    case "revision":
      return /^\d{1,20}$/.test(value) && BigInt(value) <= revisionMax
        ? undefined
        : "a whole number from 0 to 2^64 - 1";
    case "integer":
      return /^-?\d{1,19}$/.test(value) && isInt64(BigInt(value))
        ? undefined
        : "a whole number of 64 bits";
  }
}

function isInt64(value: bigint): boolean {
  return value >= int64Min && value <= int64Max;
}
