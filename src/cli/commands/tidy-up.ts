/** kvdb compact and vacuum */
import { adminMethods, answerJson, ProtoSchema } from "../../client/index.js";
import { usageError } from "../cli-error.js";
import type { Command } from "../command.js";
import { ProgressLine } from "../progress-line.js";
import { showSize } from "../show.js";

export const compact: Command = {
  name: "compact",
  summary: "Forget the history of a namespace up to a revision. The present state stays.",
  positionals: [{ name: "REVISION", doc: "The newest revision to forget." }],
  flags: {},
  details:
    "The log is cut in whole commits, so a little less may be forgotten than was asked for; the answer says what is still there.",
  examples: ["kvdb compact 120000 -n shop"],
  run: async (call) => {
    const [text = ""] = call.args;
    if (!/^\d{1,20}$/.test(text) || BigInt(text) >= 2n ** 64n) {
      throw usageError(
        `${JSON.stringify(text)} is no revision`,
        "`kvdb namespace get` names the head",
      );
    }
    const client = await call.connect();
    const request = { namespace: call.namespace, revision: BigInt(text) };
    const answer = await client.admin.compact(request, { signal: call.signal });
    const { oldestRevision, historyBytesBefore, historyBytesAfter } = answer;
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.compact, answer),
      () => [
        `oldest revision ${String(oldestRevision)}, history ${showSize(historyBytesBefore)} → ${showSize(historyBytesAfter)}`,
      ],
    );
    return "ok";
  },
};

export const vacuum: Command = {
  name: "vacuum",
  summary: "Give free pages of the database file back to the file system, between commits.",
  positionals: [],
  flags: {},
  details: "Ctrl-C keeps what was done so far.",
  examples: ["kvdb vacuum"],
  run: async (call) => {
    const { out, signal, timeoutMs } = call;
    const schema = await ProtoSchema.load();
    const client = await call.connect();
    const progress = new ProgressLine(out, call.clock);
    const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
    try {
      for await (const step of client.admin.vacuum({}, limits)) {
        const text = `${showSize(step.freedBytes)} freed, ${showSize(step.freelistBytes)} left`;
        if (!step.done) {
          progress.show(() => text);
          continue;
        }
        progress.end();
        const before = showSize(step.databaseBytesBefore);
        await out.answer(
          () => answerJson(schema, adminMethods.vacuum, step),
          () => [`${text}; the file had ${before} and has ${showSize(step.databaseBytesAfter)}`],
        );
      }
    } finally {
      progress.end();
    }
    return "ok";
  },
};
