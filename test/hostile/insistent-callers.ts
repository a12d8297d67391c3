/**
 * Callers who do not give up: each call is repeated, under its request id, until it is answered,
 * whatever the network does meanwhile. What they were answered can then be compared with what is
 * stored: each addition once, each value there.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Metadata } from "@grpc/grpc-js";
import { systemClock } from "../../src/foundation/clock.js";
import { statusCode } from "../../src/rpc/status-code.js";
import * as wire from "../../src/wire/kvdb/v1/kv.js";
import { answer, bytes, type ContractClient, text } from "../contract/client.js";
import { pause } from "../support/wait.js";

const pauseBetweenTriesMs = 50;
const openCodes: readonly number[] = [
  statusCode.UNAVAILABLE,
  statusCode.DEADLINE_EXCEEDED,
  statusCode.CANCELLED,
  statusCode.UNKNOWN,
];
const clock = systemClock();
/** Repeated without a request id: it counts more than was asked, or repeating proves nothing. */
const carelessKey = bytes("careless");
const countedKey = bytes("counted");

export interface Found {
  readonly counted: number;
  readonly values: number;
  readonly careless: number;
}

export class InsistentCallers {
  readonly #client: ContractClient;
  readonly #deadlineMs: number;
  readonly #values = new Map<string, string>();
  #counted = 0;
  #careless = 0;
  #unknown = 0;
  #stopped = false;

  constructor(client: ContractClient, deadlineMs: number) {
    this.#client = client;
    this.#deadlineMs = deadlineMs;
  }

  /** Calls answered with success. */
  get answered(): number {
    return this.#counted + this.#careless + this.#values.size;
  }

  /** Tries that ended without saying what became of them. */
  get unknown(): number {
    return this.#unknown;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Until somebody calls stop, and each call under way has been answered. */
  async run(callers: number): Promise<void> {
    await Promise.all(Array.from({ length: callers }, (_none, caller) => this.#work(caller)));
  }

  /** Every value is there and every addition counted once; the careless ones, where they can be, twice. */
  async check(
    witness: ContractClient,
    { isCareless }: { readonly isCareless: boolean },
  ): Promise<Found> {
    const counted = text((await witness.get({ key: countedKey })).kv?.value);
    assert.equal(Number(counted ?? 0), this.#counted, "each addition counts once");
    const careless = Number(text((await witness.get({ key: carelessKey })).kv?.value) ?? 0);
    assert.ok(careless >= this.#careless, "an acknowledged addition is missing");
    if (isCareless) assert.ok(careless > this.#careless, "no repetition had a second effect");
    const keys = [...this.#values.keys()];
    const { entries } = await witness.batchGet({ keys: keys.map(bytes) });
    const wrong = keys.filter((key, at) => {
      return text(entries[at]?.kv?.value) !== this.#values.get(key);
    });
    assert.deepEqual(wrong, []);
    return { counted: this.#counted, values: keys.length, careless };
  }

  async #work(caller: number): Promise<void> {
    for (let call = 0; !this.#stopped; call++) {
      // Side by side and not in turn: so whenever the network fails, some of both are under way.
      if (caller % 2 === 0) await this.#writeOnce(`value/${caller}/${call}`);
      else await this.#add(carelessKey, "");
    }
  }

  async #writeOnce(key: string): Promise<void> {
    const { kv } = this.#client;
    const requestId = randomUUID();
    const put = wire.PutRequest.fromPartial({
      key: bytes(key),
      value: bytes(requestId),
      requestId,
    });
    await this.#insist((options, done) => kv.put(put, new Metadata(), options, done));
    this.#values.set(key, requestId);
    await this.#add(countedKey, `+${requestId}`);
  }

  async #add(key: Uint8Array, requestId: string): Promise<void> {
    const { kv } = this.#client;
    const request = wire.IncrementRequest.fromPartial({ key, delta: 1n, requestId });
    await this.#insist((options, done) => kv.increment(request, new Metadata(), options, done));
    if (key === countedKey) this.#counted++;
    else this.#careless++;
  }

  async #insist<Response>(
    call: (
      options: { readonly deadline: number },
      done: Parameters<Parameters<typeof answer<Response>>[0]>[0],
    ) => unknown,
  ): Promise<void> {
    for (;;) {
      try {
        const deadline = clock.wallMs() + this.#deadlineMs;
        await answer<Response>((done) => call({ deadline }, done));
        return;
      } catch (error) {
        // What a network that fails looks like; all of it leaves the outcome open.
        if (!openCodes.includes((error as { readonly code: number }).code)) throw error;
        this.#unknown++;
        await pause(pauseBetweenTriesMs);
      }
    }
  }
}
