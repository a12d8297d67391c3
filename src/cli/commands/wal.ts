/** kvdb wal */
import {
  adminMethods,
  answerJson,
  type CheckpointResponse,
  checkpointModeToJSON,
  checkpointOutcomeToJSON,
  checkpointSourceToJSON,
  type GetWalStatusResponse,
  ProtoSchema,
  walLimitStateToJSON,
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

export const wal: Command = {
  name: "wal",
  summary: "The write-ahead log: its size, who holds it back, the last checkpoints.",
  positionals: [],
  flags: {},
  examples: ["kvdb wal", "kvdb wal --json | jq '.checkpoints[0]'"],
  run: async (call) => {
    const client = await call.connect();
    const answer = await client.admin.getWalStatus({}, { signal: call.signal });
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.getWalStatus, answer),
      () => lines(answer),
    );
    return "ok";
  },
};

function lines(answer: GetWalStatusResponse): readonly string[] {
  const { openSnapshots, checkpoints, readMarks } = answer;
  const held = readMarks.filter((mark) => mark.held).map((mark) => String(mark.frame));
  const limits = `alarm at ${showSize(answer.walBytesSoft)}, writes refused at ${showSize(answer.walBytesHard)}`;
  return [
    ...nameAndValue([
      ["size", showSize(answer.walBytes)],
      [
        "frames",
        `${showCount(answer.frames)}, ${showCount(answer.framesBackfilled)} in the database`,
      ],
      [
        "limits",
        `${showEnum(walLimitStateToJSON(answer.limitState), "WAL_LIMIT_STATE")}; ${limits}`,
      ],
      ["begun anew", `${String(answer.checkpointSequence)} times`],
      ["held read marks", held.length === 0 ? "none" : held.join(", ")],
      ["open snapshots", openSnapshots.length === 0 ? "none" : String(openSnapshots.length)],
    ]),
    ...openSnapshots.map(({ id, owner, age, namespace }) => {
      return `  ${String(id)}  ${owner}, ${showSpan(age)} old, ${namespace === "" ? "no one namespace" : namespace}`;
    }),
    ...(checkpoints.length === 0 ? [] : ["", ...checkpointTable(checkpoints)]),
  ];
}

export function checkpointTable(checkpoints: readonly CheckpointResponse[]): readonly string[] {
  return alignedTable(
    ["time", "outcome", "mode", "by", "moved", "WAL before", "WAL after", "took"],
    checkpoints.map((checkpoint) => [
      showTime(checkpoint.time),
      showEnum(checkpointOutcomeToJSON(checkpoint.outcome), "CHECKPOINT_OUTCOME"),
      showEnum(checkpointModeToJSON(checkpoint.modeEffective), "CHECKPOINT_MODE"),
      showEnum(checkpointSourceToJSON(checkpoint.source), "CHECKPOINT_SOURCE"),
      `${showCount(checkpoint.framesMoved)} of ${showCount(checkpoint.framesTotal)}`,
      showSize(checkpoint.walBytesBefore),
      showSize(checkpoint.walBytesAfter),
      showSpan(checkpoint.duration),
    ]),
  );
}
