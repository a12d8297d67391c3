/**
 * A small file system fills up under a serving daemon: writes are refused and reads go on, and when
 * there is room again writing goes on without a restart. Nothing acknowledged may be missing, then
 * or after a kill.
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

const smallMegabytes = 6;
const roomyMegabytes = 64;
const valueBytes = 20_000;
const refusalsSeen = 5;
const writesAfter = 50;
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
      title: "a full disk refuses writes, serves reads, heals by itself and loses nothing",
      tried: size.rounds,
      unit: "file systems filled up and made larger under a serving daemon",
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
  const file = join(path, databaseName);
  const filler = new Filler();
  const problems: string[] = [];
  let daemon = await ProvedDaemon.start({ file, clock });
  try {
    await filler.fill(daemon.client);
    const wrong = await filler.missing(daemon.client);
    if (wrong !== undefined) problems.push(`while the disk is full: ${wrong}`);
    grow();
    if (!(await filler.heals(daemon.client, clock))) {
      problems.push(`writing did not go on ${String(healingMs)} ms after there was room again`);
    }
    const after = await filler.missing(daemon.client);
    if (after !== undefined) problems.push(`after it healed: ${after}`);
    await daemon.kill();
    daemon = await ProvedDaemon.start({ file, clock });
    const last = await filler.missing(daemon.client);
    if (last !== undefined) problems.push(`after a kill and a restart: ${last}`);
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

  get acknowledged(): number {
    return this.#kept.size;
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

  /** The first acknowledged value that is not there as it was, or a refused one that is. */
  async missing(client: KvClient): Promise<string | undefined> {
    for (let number = 0; number < this.#next; number++) {
      const { kv } = await client.kv.get({ namespace, key: keyFor(number) });
      const kept = this.#kept.has(number);
      if (!kept && kv !== undefined) return `value ${String(number)} was refused and is there`;
      if (kept && kv === undefined) return `value ${String(number)} is missing`;
      if (kv !== undefined && !Buffer.from(kv.value).equals(valueFor(number))) {
        return `value ${String(number)} is another one`;
      }
    }
    return undefined;
  }

  async #put(client: KvClient): Promise<boolean> {
    const number = this.#next++;
    try {
      await client.kv.put({ namespace, key: keyFor(number), value: valueFor(number) });
      this.#kept.add(number);
      return true;
    } catch (cause) {
      if (!(cause instanceof KvError) || cause.reason !== reason) throw cause;
      this.refused++;
      return false;
    }
  }
}

function keyFor(number: number): Uint8Array {
  return new Uint8Array(Buffer.from(`value/${String(number).padStart(6, "0")}`));
}

function valueFor(number: number): Buffer {
  return Buffer.alloc(valueBytes, `${String(number)} `);
}
