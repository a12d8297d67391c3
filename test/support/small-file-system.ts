/**
 * A file system of a fixed size, for what happens when it is full. Takes root: it is mounted. What
 * runs on it registers its end here, so that it has ended before the file system goes.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ending } from "./temp-directory.js";

export class SmallFileSystem implements Ending {
  readonly path: string;
  readonly #ends: (() => void | Promise<void>)[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /** Empty, and gone at the end of the test. */
  static mount(ending: Ending, megabytes: number): SmallFileSystem {
    assert.equal(process.getuid?.(), 0, "mounting a small file system takes root");
    const path = mkdtempSync(join(tmpdir(), "kvdb-small-"));
    run("-t", "tmpfs", "-o", `size=${String(megabytes)}m,mode=0700`, "tmpfs", path);
    const small = new SmallFileSystem(path);
    ending.after(() => small.#unmount());
    return small;
  }

  /** The newest first, all before the file system goes. */
  after(end: () => void | Promise<void>): void {
    this.#ends.unshift(end);
  }

  grow(megabytes: number): void {
    run("-o", `remount,size=${String(megabytes)}m`, this.path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  async #unmount(): Promise<void> {
    for (const end of this.#ends) await end();
    const done = spawnSync("umount", [this.path], { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    rmdirSync(this.path);
  }

  /** Somebody else's file, which leaves so many bytes. Returns what takes it away again. */
  occupyAllBut(bytes: number): () => void {
    const file = join(this.path, "occupied");
    writeFileSync(file, new Uint8Array(Math.max(0, this.freeBytes - bytes)));
    return () => {
      rmSync(file);
    };
  }
}

function run(...flags: readonly string[]): void {
  const done = spawnSync("mount", flags, { encoding: "utf8" });
  assert.equal(done.status, 0, `mount ${flags.join(" ")}: ${done.error?.message ?? done.stderr}`);
}
