/** Directories for one test: on a real file system, private, and gone when the test is over. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whatever can run something at the end: node's test context, or a suite's `after`. */
export interface Ending {
  after(run: () => void | Promise<void>): void;
}

export function tempDirectory(ending: Ending): string {
  const directory = mkdtempSync(join(tmpdir(), "kvdb-test-"));
  ending.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
