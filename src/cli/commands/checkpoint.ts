/** kvdb checkpoint */
import {
  adminMethods,
  answerJson,
  CheckpointMode,
  checkpointOutcomeToJSON,
  ProtoSchema,
} from "../../client/index.js";
import type { Command } from "../command.js";
import { showEnum, showSpan } from "../show.js";
import { checkpointTable } from "./wal.js";

const modes = {
  passive: CheckpointMode.CHECKPOINT_MODE_PASSIVE,
  full: CheckpointMode.CHECKPOINT_MODE_FULL,
  restart: CheckpointMode.CHECKPOINT_MODE_RESTART,
  truncate: CheckpointMode.CHECKPOINT_MODE_TRUNCATE,
} as const;

export const checkpoint: Command = {
  name: "checkpoint",
  summary: "Move the write-ahead log into the database file, now.",
  positionals: [],
  flags: {
    mode: {
      kind: "choice",
      choices: Object.keys(modes),
      doc: "How far to go. Default: passive, which waits for nobody; truncate also cuts the file to 0 bytes.",
    },
  },
  details:
    "That a reader keeps a checkpoint from finishing is no error; the outcome says partial and names the reader. An outcome of failed ends with exit code 8.",
  examples: ["kvdb checkpoint", "kvdb checkpoint --mode truncate"],
  run: async (call) => {
    const name = call.flags.choice("mode") ?? "passive";
    const mode = Object.entries(modes).find(([known]) => known === name)?.[1] ?? modes.passive;
    const client = await call.connect();
    const answer = await client.admin.checkpoint({ mode }, { signal: call.signal });
    const outcome = checkpointOutcomeToJSON(answer.outcome);
    const { pinnedBy } = answer;
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.checkpoint, answer),
      () => [
        showEnum(outcome, "CHECKPOINT_OUTCOME"),
        ...checkpointTable([answer]),
        ...(pinnedBy === undefined
          ? []
          : [`held back by ${pinnedBy.owner}, ${showSpan(pinnedBy.age)}`]),
        ...(answer.errorCode === "" ? [] : [`SQLite said ${answer.errorCode}`]),
      ],
    );
    return outcome === "CHECKPOINT_OUTCOME_FAILED" ? "database" : "ok";
  },
};
