/**
 * Copies that SQLite makes of a store while it is written to, in another process that only reads: each
 * is the store at one revision, no older than what had been acknowledged before, or it is not there. A
 * copy of the database file alone is none, and that is noticed.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Random } from "../../src/foundation/random.js";
import { sizeFor } from "../support/prove-setup.js";
import { seedFor } from "../support/seed.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { okOf, putOf, TempEngine, textOf } from "../support/temp-engine.js";
import { pause, waitFor } from "../support/wait.js";

const rounds = sizeFor({ ci: 20, full: 500 });
/** One copy in so many is killed while it is made. */
const roundsPerKill = 4;
const keys = sizeFor({ ci: 10_000, full: 200_000 });
const keysPerFill = 1_000;
const lanes = 4;
/** About as long as a copy of this size takes. */
const killedWithinMs = 15;
const page = new URL("../../../docs/concepts/durability.md", import.meta.url);

/** What stands under each key, by the order of revisions. */
class Written {
  readonly #writes: { readonly from: number; readonly values: readonly string[] }[] = [];
  readonly #state: string[] = [];
  #at = 0;

  note(revision: bigint, from: number, values: readonly string[]): void {
    this.#writes[Number(revision)] = { from, values };
  }

  knows(revision: bigint): boolean {
    for (let at = this.#at + 1; at <= Number(revision); at++) if (!this.#writes[at]) return false;
    return true;
  }

  /** Revisions are asked for in their order. */
  stateAt(revision: bigint): readonly string[] {
    for (; this.#at < Number(revision); this.#at++) {
      const write = this.#writes[this.#at + 1];
      for (const [index, value] of (write?.values ?? []).entries()) {
        this.#state[(write?.from ?? 0) + index] = value;
      }
    }
    return this.#state;
  }
}

function keyAt(index: number): string {
  return `key-${String(index).padStart(7, "0")}`;
}

class Source {
  readonly temp: TempEngine;
  readonly written = new Written();
  /** The newest revision that a caller was told of. */
  acknowledged = 0n;
  #writing = true;

  constructor(temp: TempEngine) {
    this.temp = temp;
  }

  async fill(): Promise<void> {
    for (let from = 0; from < keys; from += keysPerFill) {
      const values = Array.from({ length: keysPerFill }, () => "filled".padEnd(200, "."));
      await this.#put(from, values);
    }
  }

  async writeUntilStopped(random: Random): Promise<void> {
    for (let count = 0; this.#writing; count++) {
      await this.#put(random.below(keys), [`written ${String(count)}`]);
    }
  }

  stop(): void {
    this.#writing = false;
  }

  async #put(from: number, values: readonly string[]): Promise<void> {
    const puts = values.map((value, index) => putOf(keyAt(from + index), value));
    const { revision } = okOf(await this.temp.commit(puts)).header;
    this.written.note(revision, from, values);
    if (revision > this.acknowledged) this.acknowledged = revision;
  }
}

/** The command that the page gives, on these files; true = it ended well, and the copy is there. */
async function copyOf(file: string, to: string, killed: Random | undefined): Promise<boolean> {
  const command = /^`(\(umask .*mv .*\))`$/m.exec(readFileSync(page, "utf8"))?.[1];
  assert.ok(command !== undefined, "the page says how a copy is made");
  const parts = command.replaceAll("data/kv.db", file).replaceAll("copy.", `${to}.`);
  // A group of its own, so that a kill reaches whatever runs in it.
  const child = spawn("sh", ["-c", parts], {
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (killed !== undefined) {
    while (child.exitCode === null && !existsSync(`${to}.part`)) await pause(1);
    await pause(killed.below(killedWithinMs));
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It was faster: the copy is whole then.
    }
  }
  return (await ended) === 0;
}

/** Opens the copy as a store of its own and compares it; says at which revision it stands. */
async function compare(t: Ending, copy: string, source: Source): Promise<bigint> {
  const directory = tempDirectory(t);
  mkdirSync(join(directory, "data"), { mode: 0o700 });
  copyFileSync(copy, join(directory, "data", "kv.db"));
  const restored = await TempEngine.open(t, { directory });
  const { revision } = await restored.head();
  await waitFor("answers", () => source.written.knows(revision) || undefined);
  const expected = source.written.stateAt(revision);
  let index = 0;
  for (const { value } of (await restored.scan()).entries) {
    assert.equal(textOf(value), expected[index], `key ${String(index)} is of another time`);
    index++;
  }
  assert.equal(index, keys);
  await restored.close();
  return revision;
}

test("a copy made under writes is the store at one revision, and a killed one is not there", async (t) => {
  const { random } = seedFor(t);
  const source = new Source(await TempEngine.open(t));
  await source.fill();
  const writing = Array.from({ length: lanes }, () => source.writeUntilStopped(random));
  const directory = tempDirectory(t);
  let [made, ended] = [0, 0];
  for (let round = 1; round <= rounds; round++) {
    const to = join(directory, `copy-${String(round)}`);
    const before = source.acknowledged;
    const whole = await copyOf(
      source.temp.file,
      to,
      round % roundsPerKill === 0 ? random : undefined,
    );
    assert.equal(existsSync(`${to}.db`), whole, "it has its name when it is whole, and not before");
    if (whole) {
      const revision = await compare(t, `${to}.db`, source);
      assert.ok(revision >= before, `revision ${revision}, and ${before} had been acknowledged`);
      made++;
    } else ended++;
    for (const end of ["db", "part", "part-journal"]) rmSync(`${to}.${end}`, { force: true });
  }
  source.stop();
  await Promise.all(writing);
  t.diagnostic(
    `${String(made)} copies compared, ${String(ended)} killed, ${source.acknowledged} revisions`,
  );
  assert.ok(made >= rounds - rounds / roundsPerKill, "who is not killed makes a copy");
  assert.equal(source.temp.faults.length, 0, "a reader disturbs nothing");
});

test("a copy of the database file alone is older than what was acknowledged", async (t) => {
  const source = new Source(
    await TempEngine.open(t, { options: { checkpointIntervalMs: 3_600_000 } }),
  );
  await source.fill();
  await source.temp.engine.maintenance.checkpoint("truncate");
  const { revision } = okOf(await source.temp.put(keyAt(0), "newest")).header;
  const found = await compare(t, source.temp.file, source);
  assert.ok(found < revision, "the newest write is in the WAL, which was not copied");
});
