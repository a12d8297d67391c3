/** kvdb prove */
import { statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { partNames } from "../../prove/part-names.js";
import { detailLines, markdownOf, tableHead, tableRow, verdictText } from "../../prove/report.js";
import type { Proof, TimedReport } from "../../prove/run-proof.js";
import { usageError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import { ProgressLine } from "../progress-line.js";
import { alignedTable } from "../show.js";

const mechanisms = ["recorder", "mount", "disk"];

export const prove: Command = {
  name: "prove",
  summary:
    "Try to make a daemon on this disk lose an acknowledged write; say how often it was tried.",
  positionals: [],
  flags: {
    "data-dir": {
      kind: "text",
      placeholder: "DIR",
      doc: "A directory on the disk to prove. Default: the current one. What is made there is removed, by the next run if this one is killed.",
    },
    full: { kind: "switch", doc: "For hours instead of about two minutes on two processors." },
    report: {
      kind: "text",
      placeholder: "DIR",
      doc: "Write the report there, as kvdb-prove.md and kvdb-prove.json; and the files of a violation.",
    },
    only: {
      kind: "text",
      placeholder: "NAMES",
      doc: `Only these parts, with commas between: ${partNames.join(", ")}.`,
    },
    "allow-missing": {
      kind: "text",
      placeholder: "NAMES",
      doc: `Go on without these, with commas between: recorder (a C compiler), mount (the right to mount a file system), disk (storage behind the directory).`,
    },
  },
  details:
    "It measures the disk's syncs; records a daemon's system calls and sockets and starts the engine on thousands of the contents that a power cut could leave; fails syncs and single calls; fills a small file system; kills the daemon; damages bytes at rest; and plants mistakes that each of these must notice. Only daemons of its own are touched. Ends with exit code 11 when a promise was broken, and when something could not be tried.",
  examples: ["kvdb prove --data-dir /var/lib/kvdb", "kvdb prove --full --report ."],
  run: async (call) => {
    const { flags, out } = call;
    const directory = directoryFrom("data-dir", flags.text("data-dir") ?? ".");
    const report = flags.text("report");
    const reportIn = report === undefined ? undefined : directoryFrom("report", report);
    const progress = new ProgressLine(out, call.clock);
    // All of the engine hangs on it, which no other command needs.
    const { runProof } = await import("../../prove/run-proof.js");
    const proof = await runProof({
      directory,
      size: flags.switched("full") ? "full" : "quick",
      clock: call.clock,
      random: call.random,
      signal: call.signal,
      allowMissing: namesFrom(flags.text("allow-missing"), mechanisms) ?? [],
      only: namesFrom(flags.text("only"), partNames),
      keepIn: reportIn === undefined ? undefined : join(reportIn, "kvdb-prove-evidence"),
      progress: (text) => {
        progress.show(() => text);
      },
      onCleared: (path) => {
        progress.end(`removed ${path}, which a run that was killed had left`);
      },
      onReport: (report) => {
        progress.end(tableRow(report).join("  "));
      },
    });
    if (reportIn !== undefined) save(reportIn, proof);
    await answer(call, proof);
    return proof.verdict === "held" ? "ok" : "test-failed";
  },
};

async function answer({ out }: Invocation, proof: Proof): Promise<void> {
  await out.answer(
    () => proof,
    () => [
      ...alignedTable(tableHead, proof.reports.map(tableRow)),
      "",
      ...proof.reports.flatMap((report: TimedReport) => [...detailLines(report), ""]),
      verdictText(proof),
    ],
  );
}

function directoryFrom(flag: string, given: string): string {
  const directory = resolve(given);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return directory;
  throw usageError(`${directory} is not a directory`, `--${flag} names one that exists`);
}

function namesFrom(
  text: string | undefined,
  known: readonly string[],
): readonly string[] | undefined {
  const names = text?.split(",").filter((name) => name !== "");
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw usageError(`there is no ${unknown}`, `there are ${known.join(", ")}`);
}

function save(directory: string, proof: Proof): void {
  writeFileSync(join(directory, "kvdb-prove.md"), markdownOf(proof));
  writeFileSync(
    join(directory, "kvdb-prove.json"),
    `${JSON.stringify(proof, undefined, 2)}
`,
  );
}
