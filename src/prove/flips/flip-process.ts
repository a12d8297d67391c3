/** A process that damages copies of a store at rest, one place at a time, and starts each. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Random, seededRandom } from "../../foundation/random.js";
import type { Content } from "../disk/power-cut.js";
import { loadStory, Timeline } from "../history/timeline.js";
import { examineContent } from "../states/state-check.js";
import { type Damage, damages, type FlipPlan, type FromFlips } from "./flip-plan.js";

const sectorBytes = 512;
const pageBytes = 4096;
const progressEvery = 50;
const examplesKept = 4;

const plan = JSON.parse(process.argv[2] ?? "") as FlipPlan;
const random = seededRandom(plan.seed);

function tell(message: FromFlips): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function contentAtRest(): Content {
  const names = readdirSync(plan.from).filter((name) => !name.endsWith("-shm"));
  return new Map(names.map((name) => [name, readFileSync(join(plan.from, name))]));
}

/** A damaged copy, and where. */
function damaged(file: Buffer, damage: Damage): { readonly bytes: Buffer; readonly at: number } {
  const bytes = Buffer.from(file);
  const at = random.below(file.length);
  switch (damage) {
    case "bit":
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at);
      return { bytes, at };
    case "sector": {
      const from = at - (at % sectorBytes);
      bytes.fill(0, from, Math.min(file.length, from + sectorBytes));
      return { bytes, at: from };
    }
    case "page":
      return { bytes, at: putPageElsewhere(bytes, random) };
  }
}

/** As a disk does that writes to the wrong place. */
function putPageElsewhere(bytes: Buffer, chance: Random): number {
  const pages = Math.max(1, Math.floor(bytes.length / pageBytes));
  const to = chance.below(pages) * pageBytes;
  const from = chance.below(pages) * pageBytes;
  bytes.copy(bytes, to, from, from + pageBytes);
  return to;
}

process.umask(0o077);
const rest = contentAtRest();
const original = rest.get(plan.name);
if (original === undefined) throw new Error(`${plan.from} has no ${plan.name}`);
const timeline = new Timeline(loadStory(plan.story));
timeline.moveTo(Number.MAX_SAFE_INTEGER);
const counts = { refused: 0, found: 0, harmless: 0, silent: 0 };
const examples: string[] = [];
const { scratch } = plan;
for (let done = 0; done < plan.positions; done++) {
  const damage = damages[done % damages.length] ?? "bit";
  const { bytes, at } = damaged(original, damage);
  const content = new Map([...rest, [plan.name, bytes]]);
  const { kind, reason } = await examineContent(content, timeline, { scratch, checks: true });
  if (kind === "wrong") {
    counts.silent++;
    if (examples.length < examplesKept) {
      examples.push(`${damage} at byte ${String(at)} of ${plan.name}: ${reason ?? ""}`);
    }
  } else if (kind === "right") counts.harmless++;
  else counts[kind]++;
  if (done % progressEvery === 0) tell({ kind: "progress", done });
}
rmSync(scratch, { recursive: true, force: true });
tell({ kind: "result", counts, examples });
