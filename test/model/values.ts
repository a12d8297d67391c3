/** Random values of the domain, few enough to meet again and again. Every draw is of one generator. */
import assert from "node:assert/strict";
import { compareBytes, prefixEnd } from "../../src/foundation/bytes.js";
import type { Random } from "../../src/foundation/random.js";
import type {
  Compare,
  Expiry,
  Key,
  KeyRange,
  LeaseId,
  Operation,
  Span,
  TxnBody,
} from "../../src/storage/model.js";

const letters = [0x00, 0x61, 0x62, 0xff];
export const allKeys: readonly Key[] = [
  ...letters.map((one) => [one]),
  ...letters.flatMap((first) => letters.map((second) => [first, second])),
].map((key) => Uint8Array.from(key) as Key);
export const leaseIds = [1n, 2n, 3n] as LeaseId[];

const int64Max = 2n ** 63n - 1n;
const decimals = ["0", "7", "-3", "9223372036854775807", "-9223372036854775808"];
const hourMs = 3_600_000;
/** On a clock moved by hand, short lives end within a run; elsewhere nothing may end in passing. */
const shortLivesMs = [20, 500, 3_000, 60_000];
const longLivesMs = [hourMs, 3 * hourMs, 200 * hourMs];
export const shortLeasesMs = [1_000, 3_000, 60_000];

export interface Lives {
  /** False: nothing that is written here ends by itself. */
  readonly mortal: boolean;
  /** Time passes without being told to. */
  readonly ownTime: boolean;
  readonly nowMs: number;
}

export interface BodyShape {
  readonly depth: number;
  readonly operationsMax: number;
  /** The engine's transactions may rename, those of the contract may not. */
  readonly renames: boolean;
}

export class Values {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.random.below(values.length)];
    assert.ok(value !== undefined, "something to pick from");
    return value;
  }

  /** Once in so many times. */
  seldom(times: number): boolean {
    return this.random.below(times) === 0;
  }

  key(): Key {
    return this.pick(allKeys);
  }

  value(): Uint8Array {
    if (this.seldom(3)) return new TextEncoder().encode(this.pick(decimals));
    return Uint8Array.from({ length: this.random.below(4) }, () => this.pick(letters));
  }

  number(): bigint {
    if (this.seldom(6)) return this.pick([int64Max, -int64Max - 1n, int64Max - 1n]);
    return BigInt(this.random.below(7)) - 3n;
  }

  range(): KeyRange {
    const start = this.key();
    switch (this.random.below(4)) {
      case 0:
        return { start: new Uint8Array(0), end: undefined };
      case 1:
        return { start, end: prefixEnd(start) };
      case 2:
        return { start, end: undefined };
      default: {
        const [from, to] = [start, this.key()].sort(compareBytes);
        return { start: from ?? start, end: to };
      }
    }
  }

  expiry({ mortal, ownTime, nowMs }: Lives): Expiry {
    if (!mortal || !this.seldom(3)) return { kind: "never" };
    if (this.seldom(2)) return { kind: "lease", leaseId: this.pick(leaseIds) };
    const ttlMs = this.pick(ownTime ? longLivesMs : shortLivesMs);
    if (this.seldom(2)) return { kind: "after", ttlMs };
    // One that has passed is absent at once.
    return { kind: "at", atMs: ownTime || !this.seldom(3) ? nowMs + ttlMs : nowMs - 1 };
  }

  leaseTtlMs({ ownTime }: Lives): number {
    return this.pick(ownTime ? longLivesMs : shortLeasesMs);
  }

  put(lives: Lives): Operation & { readonly kind: "put" } {
    const expiry = this.expiry(lives);
    const returnPrevious = this.seldom(3);
    return { kind: "put", key: this.key(), value: this.value(), expiry, returnPrevious };
  }

  delete(): Operation & { readonly kind: "delete" } {
    const span = { kind: "key", key: this.key() } as const;
    return { kind: "delete", span, returnPrevious: this.seldom(2) };
  }

  deleteRange(): Operation & { readonly kind: "delete" } {
    const span = { kind: "range", range: this.range() } as const;
    return { kind: "delete", span, returnPrevious: false };
  }

  increment(): Operation & { readonly kind: "increment" } {
    return { kind: "increment", key: this.key(), delta: this.number(), initial: this.number() };
  }

  rename(): Operation & { readonly kind: "rename" } {
    const from = this.key();
    const to = this.pick(allKeys.filter((key) => key !== from));
    return { kind: "rename", from, to, overwrite: this.seldom(2) };
  }

  compare(head: bigint): Compare {
    const relation = this.pick(["equal", "not-equal", "less", "greater"] as const);
    return { span: this.#span(), relation, operand: this.#operand(head) };
  }

  body(lives: Lives, head: bigint, shape: BodyShape): TxnBody {
    const operations = (): Operation[] =>
      Array.from({ length: this.random.below(shape.operationsMax + 1) }, () =>
        this.#operation(lives, head, shape),
      );
    const compares = Array.from({ length: this.random.below(3) }, () => this.compare(head));
    return { compares, success: operations(), failure: operations() };
  }

  #operation(lives: Lives, head: bigint, shape: BodyShape): Operation {
    const dice = this.random.below(16);
    if (dice < 2) return { kind: "get", key: this.key() };
    if (dice < 7) return this.put(lives);
    if (dice < 9) return this.delete();
    if (dice < 10) return this.deleteRange();
    if (dice < 13) return this.increment();
    if (dice < 14 && shape.renames) return this.rename();
    if (shape.depth === 0) return this.put(lives);
    const inner = { ...shape, depth: shape.depth - 1, operationsMax: 2 };
    return { kind: "txn", body: this.body(lives, head, inner) };
  }

  #span(): Span {
    if (this.seldom(3)) return { kind: "range", range: this.range() };
    return { kind: "key", key: this.key() };
  }

  /** Near enough to what is there that each relation holds now and then. */
  #operand(head: bigint): Compare["operand"] {
    const near = head > 5n ? head - BigInt(this.random.below(6)) : BigInt(this.random.below(6));
    switch (this.random.below(5)) {
      case 0:
        return { of: "create-revision", value: near };
      case 1:
        return { of: "mod-revision", value: near };
      case 2:
        return { of: "value", value: this.value() };
      case 3:
        return { of: "lease", value: BigInt(this.random.below(4)) };
      default:
        return { of: "version", value: BigInt(this.random.below(4)) };
    }
  }
}
