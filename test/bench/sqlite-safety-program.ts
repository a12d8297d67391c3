/** `npm run bench:sqlite-safety [-- DIRECTORY]`: prints the table and keeps it in docs/benchmarks. */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { safetyMarkdown } from "./report/safety-table.js";
import { runSafety } from "./run-safety.js";

const home = fileURLToPath(new URL("../../../docs/benchmarks/", import.meta.url));
/** A thousand and some more, as the figures that this is compared with. */
const writes = 1_200;

const { machine, cells } = await runSafety({
  directory: process.argv[2] ?? tmpdir(),
  writes,
  say(what) {
    process.stderr.write(`${what}\n`);
  },
});
const text = safetyMarkdown(machine, cells);
process.stdout.write(text);
mkdirSync(home, { recursive: true });
writeFileSync(join(home, "sqlite-safety.md"), text);
const json = JSON.stringify({ machine, writes, cells }, undefined, 2);
writeFileSync(join(home, "sqlite-safety.json"), `${json}\n`);
