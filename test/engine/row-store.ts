/** A closed store of numbered rows, each of which says in its value which one it is. */
import type { Ending } from "../support/temp-directory.js";
import { okOf, putOf, TempEngine } from "../support/temp-engine.js";

const rowsPerCommit = 50;
const valueCharacters = 300;

export function keyOfRow(row: number): string {
  return `key-${String(row).padStart(6, "0")}`;
}

/** So many rows in full commits, each commit with a request id. */
export async function closedStore(ending: Ending, rows: number): Promise<TempEngine> {
  const temp = await TempEngine.open(ending);
  for (let row = 0; row < rows; row += rowsPerCommit) {
    const puts = Array.from({ length: rowsPerCommit }, (_none, index) => {
      const key = keyOfRow(row + index);
      return putOf(key, `value-${key}-`.padEnd(valueCharacters, "v"));
    });
    okOf(await temp.commit(puts, { requestId: `request-${String(row)}` }));
  }
  await temp.close();
  return temp;
}
