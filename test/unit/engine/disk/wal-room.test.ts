/** What is left of a disk when a WAL has been moved into the database, in numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { framesOf, spareBytes } from "../../../../src/engine/sqlite/wal-room.js";
import {
  diskRoomKeptBytes,
  walPagesPerCommit,
  walPagesPerRow,
} from "../../../../src/storage/limits.js";

const before = { pages: 1_000, freePages: 10, rows: 5 };
const always = walPagesPerCommit;

const transactions = [
  { what: "nothing", now: before, frames: always },
  { what: "new pages", now: { ...before, pages: 1_100 }, frames: 100 + always },
  { what: "pages of the free list", now: { ...before, freePages: 3 }, frames: 7 + always },
  { what: "rows", now: { ...before, rows: 25 }, frames: 20 * walPagesPerRow + always },
  { what: "pages that became free", now: { ...before, freePages: 900 }, frames: always },
  { what: "more rows than there are pages", now: { ...before, rows: 9_000 }, frames: 1_000 },
] as const;

for (const { what, now, frames } of transactions) {
  test(`a transaction of ${what} writes ${String(frames)} frames at most`, () => {
    assert.equal(framesOf(before, now), frames);
  });
}

const disk = { freeBytes: 500_000, reserveBytes: 100_000, databaseBytes: 40_960, pageBytes: 4_096 };

const moves = [
  { what: "a WAL without new pages", pages: 10, frames: 0, takes: 0 },
  { what: "a WAL that makes the database longer", pages: 12, frames: 0, takes: 2 * 4_096 },
  { what: "a WAL of a database that became shorter", pages: 8, frames: 0, takes: 0 },
  { what: "a commit on top of it", pages: 10, frames: 3, takes: 3 * (4_096 + 24) },
] as const;

for (const { what, pages, frames, takes } of moves) {
  test(`moving ${what} takes ${String(takes)} bytes of what is free and of the reserve`, () => {
    assert.equal(spareBytes(disk, pages, frames), 600_000 - takes - diskRoomKeptBytes);
  });
}
