/**
 * Load that remembers what was promised to it. A number of callers put, each its own keys and one
 * request at a time, until the daemon is gone; what was acknowledged is noted, and so is the request
 * of each caller that was on its way. Afterwards every acknowledged key must hold the acknowledged
 * value, or the one that was on its way when the daemon died: that may or may not have happened.
 */
import type { Random } from "../../src/foundation/random.js";
import {
  BatchGetRequest,
  type BatchGetResponse,
  BatchWriteRequest,
} from "../../src/wire/kvdb/v1/kv.js";
import { answerTo, bytesOf, type TestClient } from "../support/grpc-client.js";

interface Promised {
  /** Of the newest acknowledged put. */
  acknowledged: number;
  /** Of the put whose answer never came, if there is one. */
  unanswered: number | undefined;
}

const keysPerRead = 1_000;
/** Values of some hundred bytes, so that a cycle writes a few megabytes of WAL. */
const paddingBytesMax = 400;
/** One put in this many goes to a key that exists. */
const overwriteOneIn = 4;
const putsPerBatch = 8;
const decoder = new TextDecoder();

export class AcknowledgedLoad {
  readonly #seed: number;
  readonly #random: Random;
  readonly #promised = new Map<string, Promised>();
  #acknowledgements = 0;
  #version = 0;
  #stopped = false;

  constructor(seed: number, random: Random) {
    this.#seed = seed;
    this.#random = random;
  }

  /** Puts that were answered with success, since the load was made. */
  get acknowledgements(): number {
    return this.#acknowledgements;
  }

  get keys(): number {
    return this.#promised.size;
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Puts until the daemon is gone or somebody calls stop: most callers one put at a time, the last
   * `batching` of them several in one request. Resolves when every caller has ended.
   */
  async run(client: TestClient, callers: number, batching = 0): Promise<void> {
    this.#stopped = false;
    const calls = Array.from({ length: callers }, (_none, caller) => {
      return this.#call(client, caller, caller < callers - batching ? 1 : putsPerBatch);
    });
    await Promise.all(calls);
  }

  /** Keys whose value is not what was promised, as sentences. Empty: nothing was lost. */
  async broken(client: TestClient): Promise<readonly string[]> {
    const keys = [...this.#promised.keys()];
    const found: string[] = [];
    for (let at = 0; at < keys.length; at += keysPerRead) {
      const page = keys.slice(at, at + keysPerRead);
      const request = BatchGetRequest.fromPartial({ keys: page.map(bytesOf) });
      const { entries } = await answerTo<BatchGetResponse>((done) => {
        client.kv.batchGet(request, done);
      });
      page.forEach((key, index) => {
        const problem = this.#problemOf(key, entries[index]);
        if (problem !== undefined) found.push(problem);
      });
    }
    return found;
  }

  async #call(client: TestClient, caller: number, putsPerRequest: number): Promise<void> {
    const mine: string[] = [];
    while (!this.#stopped) {
      // A key that is chosen twice has its last version, as it has in a batch.
      const versions = new Map<string, number>();
      for (let put = 0; put < putsPerRequest; put++) {
        versions.set(this.#chooseKey(mine, caller), this.#version++);
      }
      for (const [key, version] of versions) {
        const promised = this.#promised.get(key);
        if (promised !== undefined) promised.unanswered = version;
      }
      try {
        await this.#put(client, versions);
      } catch {
        // The daemon was killed: whether this put happened, nobody knows, and the load ends.
        return;
      }
      this.#acknowledgements += versions.size;
      for (const [key, acknowledged] of versions) {
        if (!this.#promised.has(key)) mine.push(key);
        this.#promised.set(key, { acknowledged, unanswered: undefined });
      }
    }
  }

  async #put(client: TestClient, versions: ReadonlyMap<string, number>): Promise<void> {
    const puts = [...versions].map(([key, version]) => ({
      key,
      value: this.#valueOf(key, version),
    }));
    const [first] = puts;
    if (puts.length === 1 && first !== undefined) {
      await client.put(first.key, first.value);
      return;
    }
    const ops = puts.map(({ key, value }) => {
      const put = { key: bytesOf(key), value: bytesOf(value) };
      return { operation: { $case: "put" as const, value: put } };
    });
    const request = BatchWriteRequest.fromPartial({ ops });
    await answerTo((done) => client.kv.batchWrite(request, done));
  }

  #chooseKey(mine: readonly string[], caller: number): string {
    if (mine.length > 0 && this.#random.below(overwriteOneIn) === 0) {
      return mine[this.#random.below(mine.length)] ?? "";
    }
    return `load/${String(caller)}/${String(this.#version)}`;
  }

  /** Made from key and version, so that nothing but two numbers has to be remembered. */
  #valueOf(key: string, version: number): string {
    const padding = (version * 7_919 + this.#seed) % paddingBytesMax;
    return `${key}:${String(version)}:${"x".repeat(padding)}`;
  }

  #problemOf(
    key: string,
    entry: BatchGetResponse["entries"][number] | undefined,
  ): string | undefined {
    const promised = this.#promised.get(key);
    const kv = entry?.kv;
    if (kv === undefined) return `${key} is missing`;
    const value = decoder.decode(kv.value);
    const allowed = [promised?.acknowledged, promised?.unanswered];
    const isOne = allowed.some((version) => {
      return version !== undefined && value === this.#valueOf(key, version);
    });
    return isOne ? undefined : `${key} holds ${value.slice(0, 60)}, not version ${String(allowed)}`;
  }
}
