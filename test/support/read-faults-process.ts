/**
 * An engine whose reads fail at chosen calls, in a process that runs under the recorder. Writes a
 * store that is larger than its caches, then reads it in every way while single reads fail with EIO,
 * and prints what came of it as one line of JSON. Every answer is compared with what was written.
 */
import { openSync } from "node:fs";
import type { Ending } from "./temp-directory.js";
import { okOf, putOf, TempEngine } from "./temp-engine.js";

export interface FaultySighting {
  readonly attempts: number;
  readonly wrong: readonly string[];
  readonly refused: readonly string[];
  readonly repeated: number;
  readonly alarms: readonly string[];
  readonly faults: number;
}

const rows = 600;
const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("an argument is needed");

/** The parent cleans up. */
const ending: Ending = {
  after() {
    // Nothing of this process outlives it.
  },
};

/** Understood by the recorder: the nth read of the database from now on fails once. */
function failRead(nth: number): void {
  try {
    openSync(`/prove-fault/read:kv.db:${String(nth)}:EIO`, "r");
  } catch {
    // That path never opens; asking for it is the order.
  }
}

const temp = await TempEngine.open(ending, { directory, options: { cacheBytes: 64 * 1024 } });
const valueOfRow = (row: number): string => String(row).padEnd(900, "v");
for (let row = 0; row < rows; row += 50) {
  const puts = Array.from({ length: 50 }, (_none, index) => {
    return putOf(`key-${String(row + index).padStart(6, "0")}`, valueOfRow(row + index));
  });
  okOf(await temp.commit(puts));
}
// Else pages are read from the WAL.
await temp.reopen();

const wrong: string[] = [];
const refused: string[] = [];
let attempts = 0;

async function attempt(nth: number, what: string, read: () => Promise<boolean>): Promise<void> {
  attempts++;
  failRead(nth);
  try {
    if (!(await read())) wrong.push(`${what} ${String(nth)}`);
  } catch (error) {
    refused.push(`${what} ${String(nth)}: ${String(error)}`);
  }
}

for (let nth = 1; nth <= 10; nth++) {
  const row = (nth * 41) % rows;
  await attempt(nth, "get", async () => {
    const found: boolean[] = [];
    for (let step = 0; step < 12; step++) {
      const at = (row + step * 47) % rows;
      const text = await temp.text(`key-${String(at).padStart(6, "0")}`);
      found.push(text === valueOfRow(at));
    }
    return !found.includes(false);
  });
  await attempt(nth * 5, "list", async () => {
    const { entries } = await temp.list({ rowsMax: 300 });
    return entries.length === 300;
  });
  await attempt(nth * 7, "scan", async () => (await temp.scan()).entries.length === rows);
}
const { alarms } = temp.engine.maintenance.status();
const sighting: FaultySighting = {
  attempts,
  wrong,
  refused,
  repeated: temp.log.of("integrity.read-repeated").length,
  alarms: alarms.map(({ name }) => name),
  faults: temp.faults.length,
};
process.stdout.write(`${JSON.stringify(sighting)}\n`, () => {
  process.exit(0);
});
