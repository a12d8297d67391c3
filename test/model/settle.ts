/** Time that passes on a clock moved by hand, until everything that has run out is taken away. */
import Database from "better-sqlite3";
import type { ManualClock } from "../../src/foundation/clock.js";
import { waitFor } from "../support/wait.js";

/** How far the clock goes on at a time while the sweeper is waited for. */
const stepMs = 10;

/** Namespaces whose name begins below this are the tombstones of deleted ones. */
const dueNow = `SELECT count(*) FROM namespace n WHERE n.name > '!~' AND (
  EXISTS (SELECT 1 FROM kv k WHERE k.ns = n.id AND k.expires_ms <= @now)
  OR EXISTS (SELECT 1 FROM lease l WHERE l.ns = n.id AND l.deadline_ms <= @now))`;

export async function settle(file: string, clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms);
  const database = new Database(file, { readonly: true });
  const due = database.prepare<[{ now: number }], number>(dueNow).pluck();
  try {
    await waitFor("the sweeper", () => {
      if (due.get({ now: clock.wallMs() }) === 0) return true;
      clock.advance(stepMs);
      return undefined;
    });
  } finally {
    database.close();
  }
}
