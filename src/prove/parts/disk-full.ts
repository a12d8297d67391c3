/**
 * A small file system fills up under a serving daemon: writes are refused, reads and deletes go on,
 * and when there is room again, because of the deletes or because somebody made some, writing goes
 * on without a restart. Nothing acknowledged may be missing, then or after a kill.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type KvClient, KvError } from "../../client/index.js";
import { sleep } from "../../foundation/clock.js";
import { ProvedDaemon } from "../daemon/proved-daemon.js";
import { MissingMechanism } from "../missing-mechanism.js";
import { type PartReport, type ProveContext, reportOf, withDirectory } from "../part.js";
import { databaseName } from "../states/state-check.js";

const smallMegabytes = 64;
const roomyMegabytes = 128;
/** A sixteenth of the file system, which is the most it takes. */
const reserveBytes = 4 * 1024 * 1024;
/** Sizes are all mixed, so that the disk fills up at any place between two checkpoints. */
const valueBytesMax = 900_000;
const valueBytesStep = 123_457;
const refusalsSeen = 5;
/** In a row; together less than what the deletes give back. */
const writesAfter = 5;
const healingMs = 20_000;
const pauseMs = 50;
const namespace = "full";
const reason = "DISK_FULL";

export interface DiskFullSize {
  readonly rounds: number;
}

/** Throws MissingMechanism where no file system may be mounted. */
export async function proveDiskFull(
  context: ProveContext,
  size: DiskFullSize,
): Promise<PartReport> {
  const problems: string[] = [];
  let acknowledged = 0;
  let refused = 0;
  for (let round = 0; round < size.rounds; round++) {
    context.progress(`full disk: ${String(round + 1)} of ${String(size.rounds)}`);
    const found = await withDirectory(context, "disk-full", (directory) => {
      return withSmallFileSystem(directory, (mounted) => oneRound(context, mounted));
    });
    acknowledged += found.acknowledged;
    refused += found.refused;
    problems.push(...found.problems);
  }
  return reportOf(
    {
      name: "disk-full",
      title:
        "a full disk refuses writes, serves reads and deletes, heals by itself and loses nothing",
      tried: size.rounds,
      unit: "file systems filled up, emptied by deletes, filled up again and made larger, all under one daemon",
      facts: [
        `${String(acknowledged)} writes acknowledged, ${String(refused)} refused with ${reason}`,
      ],
    },
    problems,
  );
}

interface Round {
  readonly acknowledged: number;
  readonly refused: number;
  readonly problems: readonly string[];
}

interface Mounted {
  readonly path: string;
  readonly grow: () => void;
}

async function withSmallFileSystem<T>(
  directory: string,
  run: (mounted: Mounted) => Promise<T>,
): Promise<T> {
  const path = join(directory, "small");
  mkdirSync(path);
  mount("-t", "tmpfs", "-o", `size=${String(smallMegabytes)}m,mode=0700`, "tmpfs", path);
  const grow = (): void => {
    mount("-o", `remount,size=${String(roomyMegabytes)}m`, path);
  };
  try {
    return await run({ path, grow });
  } finally {
    spawnSync("umount", [path]);
  }
}

function mount(...flags: readonly string[]): void {
  const done = spawnSync("mount", flags, { encoding: "utf8" });
  if (done.status === 0) return;
  const why = done.error?.message ?? done.stderr.trim();
  throw new MissingMechanism("mount", `a small file system cannot be mounted: ${why}`);
}

async function oneRound(context: ProveContext, { path, grow }: Mounted): Promise<Round> {
  const { clock } = context;
  const order = { file: join(path, databaseName), clock, reserveBytes };
  const filler = new Filler();
  const problems: string[] = [];
  let daemon = await ProvedDaemon.start(order);
  const look = async (when: string): Promise<void> => {
    const wrong = await filler.difference(daemon.client);
    if (wrong !== undefined) problems.push(`${when}: ${wrong}`);
  };
  const heal = async (why: string): Promise<void> => {
    if (await filler.heals(daemon.client, clock)) return;
    problems.push(`writing did not go on ${String(healingMs)} ms after ${why}`);
  };
  try {
    await filler.fill(daemon.client);
    await look("while the disk is full");
    if (!(await filler.deletesHalf(daemon.client, clock))) {
      problems.push(`half of the values could not be deleted within ${String(healingMs)} ms`);
    }
    await heal("half of the values were deleted");
    await look("after deletes made room");
    await filler.fill(daemon.client);
    await look("while the disk is full again");
    grow();
    await heal("the file system was made larger");
    await look("after the file system was made larger");
    await daemon.kill();
    daemon = await ProvedDaemon.start(order);
    await look("after a kill and a restart");
    const { code } = await daemon.stop();
    if (code !== 0) problems.push(`the last stop ended with ${String(code)}`);
  } finally {
    await daemon.kill();
  }
  return { acknowledged: filler.acknowledged, refused: filler.refused, problems };
}

/** Puts numbered values until there is no room, and remembers which were acknowledged. */
class Filler {
  refused = 0;
  readonly #kept = new Set<number>();
  #next = 0;
  #deleted = 0;

  /** Writes, those that were deleted since included. */
  get acknowledged(): number {
    return this.#kept.size + this.#deleted;
  }

  async fill(client: KvClient): Promise<void> {
    const wanted = this.refused + refusalsSeen;
    while (this.refused < wanted) await this.#put(client);
  }

  /** True once so many writes in a row were acknowledged. */
  async heals(client: KvClient, clock: ProveContext["clock"]): Promise<boolean> {
    const untilMs = clock.monotonicMs() + healingMs;
    for (let inARow = 0; inARow < writesAfter; ) {
      if (clock.monotonicMs() > untilMs) return false;
      if (await this.#put(client)) inARow++;
      else {
        inARow = 0;
        await sleep(clock, pauseMs);
      }
    }
    return true;
  }

  /** Every other value; false when that does not come to an end. */
  async deletesHalf(client: KvClient, clock: ProveContext["clock"]): Promise<boolean> {
    const untilMs = clock.monotonicMs() + healingMs;
    const left = [...this.#kept].filter((_number, index) => index % 2 === 0);
    for (let number = left.pop(); number !== undefined; ) {
      const key = keyFor(number);
      // Faster than the store gives back what they free, they have to wait as well.
      if (await this.#unlessFull(() => client.kv.delete({ namespace, key }))) {
        this.#kept.delete(number);
        this.#deleted++;
        number = left.pop();
        continue;
      }
      if (clock.monotonicMs() > untilMs) return false;
      await sleep(clock, pauseMs);
    }
    return true;
  }

  /** The first acknowledged value that is not there as it was, or another one that is. */
  async difference(client: KvClient): Promise<string | undefined> {
    for (let number = 0; number < this.#next; number++) {
      const { kv } = await client.kv.get({ namespace, key: keyFor(number) });
      const kept = this.#kept.has(number);
      if (!kept && kv !== undefined) return `value ${String(number)} should not be there`;
      if (kept && kv === undefined) return `value ${String(number)} is missing`;
      if (kv !== undefined && !Buffer.from(kv.value).equals(valueFor(number))) {
        return `value ${String(number)} is another one`;
      }
    }
    return undefined;
  }

  async #put(client: KvClient): Promise<boolean> {
    const number = this.#next++;
    const put = { namespace, key: keyFor(number), value: valueFor(number) };
    const isDone = await this.#unlessFull(() => client.kv.put(put));
    if (isDone) this.#kept.add(number);
    else this.refused++;
    return isDone;
  }

  /** False when it was refused for want of room; every other refusal is thrown. */
  async #unlessFull(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (cause) {
      if (!(cause instanceof KvError) || cause.reason !== reason) throw cause;
      return false;
    }
  }
}

function keyFor(number: number): Uint8Array {
  return new Uint8Array(Buffer.from(`value/${String(number).padStart(6, "0")}`));
}

function valueFor(number: number): Buffer {
  return Buffer.alloc(1 + ((number * valueBytesStep) % valueBytesMax), `${String(number)} `);
}
