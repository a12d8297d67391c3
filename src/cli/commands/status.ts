/** kvdb status */
import {
  adminMethods,
  answerJson,
  engineStateToJSON,
  type GetStatusResponse,
  ProtoSchema,
  type ScrubberStatus,
  scrubberStateToJSON,
} from "../../client/index.js";
import type { Command } from "../command.js";
import {
  alignedTable,
  nameAndValue,
  showCount,
  showEnum,
  showSize,
  showSpan,
  showTime,
} from "../show.js";

export const status: Command = {
  name: "status",
  summary: "What the daemon is, does and holds, and what its last start found.",
  positionals: [],
  flags: {},
  examples: ["kvdb status", "kvdb status --json | jq .state"],
  run: async (call) => {
    const client = await call.connect();
    const answer = await client.admin.getStatus({}, { signal: call.signal });
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.getStatus, answer),
      () => lines(answer),
    );
    return "ok";
  },
};

function lines(answer: GetStatusResponse): readonly string[] {
  const { versions, sizes, writeQueue, recovery, alarms, scrubber, namespaceHeads } = answer;
  const state = showEnum(engineStateToJSON(answer.state), "ENGINE_STATE");
  const reason = answer.stateReason === "" ? "" : ` (${answer.stateReason})`;
  return [
    ...nameAndValue([
      ["state", `${state}${reason}`],
      ["kvdb", `${versions?.kvdb ?? "?"}, format ${String(versions?.format ?? 0)}`],
      ["built on", `SQLite ${versions?.sqlite ?? "?"}, Node.js ${versions?.node ?? "?"}`],
      ["up", `${showSpan(answer.uptime)}, since ${showTime(answer.startTime)}`],
      ["node", answer.nodeId],
      ["store", `${answer.storeId}, epoch ${String(answer.epoch)}`],
      [
        "database",
        `${showSize(sizes?.databaseBytes ?? 0)}, ${showSize(sizes?.freelistBytes ?? 0)} of it free`,
      ],
      ["WAL", showSize(sizes?.walBytes ?? 0)],
      [
        "disk",
        `${showSize(sizes?.diskFreeBytes ?? 0)} free of ${showSize(sizes?.diskTotalBytes ?? 0)}`,
      ],
      ["waiting writes", showCount(writeQueue?.requests ?? 0)],
      ["alarms", alarms.length === 0 ? "none" : String(alarms.length)],
      ["last start", recovery === undefined ? "under way" : recovery.verdict],
      ["scrubber", scrubber === undefined ? "not yet" : scrubberLine(scrubber)],
    ]),
    ...alarms.map(({ name, message, since }) => `  ${name} since ${showTime(since)}: ${message}`),
    ...(namespaceHeads.length === 0 ? [] : [""]),
    ...(namespaceHeads.length === 0
      ? []
      : alignedTable(
          ["namespace", "head"],
          namespaceHeads.map(({ namespace, revision }) => [namespace, String(revision)]),
        )),
  ];
}

/** What it does, where it is, and what came of it, in one line. */
function scrubberLine(scrubber: ScrubberStatus): string {
  const { position, step, stepsTotal, pausedReason, passes, findings } = scrubber;
  const state = showEnum(scrubberStateToJSON(scrubber.state), "SCRUBBER_STATE");
  const ended = scrubber.lastFinishedTime;
  return [
    pausedReason === "" ? state : `${state} (${pausedReason})`,
    ...(position === "" ? [] : [`at ${position}, step ${String(step)} of ${String(stepsTotal)}`]),
    `${showCount(scrubber.rowsDone)} rows and ${showSize(scrubber.bytesDone)} of this pass`,
    `${showCount(passes)} passes since the start`,
    ended === undefined ? "none has ended yet" : `the last ended ${showTime(ended)}`,
    findings === 0 ? "nothing found" : `${showCount(findings)} findings`,
  ].join("; ");
}
