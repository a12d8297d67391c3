/** kvdb integrity */
import {
  adminMethods,
  answerJson,
  IntegrityMode,
  type IntegrityProgress,
  type IntegrityReport,
  IntegrityVerdict,
  integrityVerdictToJSON,
  ProtoSchema,
} from "../../client/index.js";
import { CliError } from "../cli-error.js";
import type { Command, Invocation } from "../command.js";
import type { ExitName } from "../exit-codes.js";
import { ProgressLine } from "../progress-line.js";
import { nameAndValue, showCount, showEnum, showSpan, showTime } from "../show.js";

const modes = {
  quick: IntegrityMode.INTEGRITY_MODE_QUICK,
  full: IntegrityMode.INTEGRITY_MODE_FULL,
  checksum: IntegrityMode.INTEGRITY_MODE_CHECKSUM,
  all: IntegrityMode.INTEGRITY_MODE_ALL,
} as const;

export const integrity: Command = {
  name: "integrity",
  summary: "Check the stored data beside normal operation. Damage ends with exit code 10.",
  positionals: [],
  flags: {
    quick: { kind: "switch", doc: "The structure of the file, without indexes. The default." },
    full: { kind: "switch", doc: "The structure of the file and its indexes." },
    checksum: { kind: "switch", doc: "The checksum of every row: finds changed values." },
    all: { kind: "switch", doc: "Full, then checksum." },
    last: { kind: "switch", doc: "Check nothing, show the report of the last check." },
  },
  details: "Ctrl-C ends the check. Without --timeout it may take as long as it takes.",
  examples: ["kvdb integrity --all", "kvdb integrity --last --json"],
  run: async (call) => {
    const mode = call.flags.onlyOne(["quick", "full", "checksum", "all", "last"]) ?? "quick";
    const report = mode === "last" ? await lastReport(call) : await check(call, mode);
    await call.out.answer(
      async () => {
        const answer = { report };
        return answerJson(await ProtoSchema.load(), adminMethods.getIntegrityReport, answer)[
          "report"
        ];
      },
      () => lines(report),
    );
    return exitOfVerdict(report);
  },
};

async function lastReport(call: Invocation): Promise<IntegrityReport> {
  const client = await call.connect();
  const { report } = await client.admin.getIntegrityReport({}, { signal: call.signal });
  if (report !== undefined) return report;
  throw new CliError("not-found", "no check has ended since the daemon started", {
    hint: "run `kvdb integrity`",
  });
}

async function check(call: Invocation, name: string): Promise<IntegrityReport> {
  const { signal, timeoutMs } = call;
  const mode = Object.entries(modes).find(([known]) => known === name)?.[1] ?? modes.quick;
  const client = await call.connect();
  const progress = new ProgressLine(call.out, call.clock);
  const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
  try {
    for await (const { result } of client.admin.checkIntegrity({ mode }, limits)) {
      if (result?.$case === "progress") progress.show(() => progressText(result.value));
      if (result?.$case === "report") return result.value;
    }
  } finally {
    progress.end();
  }
  throw new CliError("general", "the check ended without a report", {
    hint: "see the daemon's log",
  });
}

function progressText({ phase, rowsDone, rowsTotal, elapsed }: IntegrityProgress): string {
  const of = rowsTotal === 0 ? "" : ` of ${showCount(rowsTotal)}`;
  const rows = rowsDone === 0 ? "" : `, ${showCount(rowsDone)}${of} rows`;
  return `${phase}${rows}, ${showSpan(elapsed)}`;
}

function lines(report: IntegrityReport): readonly string[] {
  return [
    ...nameAndValue([
      ["verdict", showEnum(integrityVerdictToJSON(report.verdict), "INTEGRITY_VERDICT")],
      ["began", showTime(report.startTime)],
      ["took", showSpan(report.duration)],
      ["rows checked", showCount(report.rowsChecked)],
    ]),
    ...report.messages.map((message) => `  ${message}`),
  ];
}

function exitOfVerdict({ verdict }: IntegrityReport): ExitName {
  if (verdict === IntegrityVerdict.INTEGRITY_VERDICT_PASSED) return "ok";
  return verdict === IntegrityVerdict.INTEGRITY_VERDICT_FAILED ? "integrity" : "general";
}
