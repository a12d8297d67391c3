/** kvdb drain, resume and log-level */
import {
  adminMethods,
  answerJson,
  engineStateToJSON,
  LogLevel,
  logLevelToJSON,
  ProtoSchema,
} from "../../client/index.js";
import { usageError } from "../cli-error.js";
import type { Command } from "../command.js";
import { showEnum } from "../show.js";

export const drain: Command = {
  name: "drain",
  summary: "Take the daemon out of service: new calls are refused, those in flight finish.",
  positionals: [],
  flags: { reason: { kind: "text", placeholder: "TEXT", doc: "Why, told to callers refused." } },
  examples: ["kvdb drain --reason 'moving to another disk'"],
  run: async (call) => {
    const client = await call.connect();
    const reason = call.flags.text("reason") ?? "";
    const answer = await client.admin.drain({ reason }, { signal: call.signal });
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.drain, answer),
      () => {
        const state = showEnum(engineStateToJSON(answer.state), "ENGINE_STATE");
        return [`${state}, ${String(answer.callsInFlight)} calls in flight`];
      },
    );
    return "ok";
  },
};

export const resume: Command = {
  name: "resume",
  summary: "Put a drained daemon back into service.",
  positionals: [],
  flags: {},
  examples: ["kvdb resume"],
  run: async (call) => {
    const client = await call.connect();
    const answer = await client.admin.resume({}, { signal: call.signal });
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.resume, answer),
      () => [showEnum(engineStateToJSON(answer.state), "ENGINE_STATE")],
    );
    return "ok";
  },
};

const levels: ReadonlyMap<string, LogLevel> = new Map([
  ["error", LogLevel.LOG_LEVEL_ERROR],
  ["warn", LogLevel.LOG_LEVEL_WARN],
  ["info", LogLevel.LOG_LEVEL_INFO],
  ["debug", LogLevel.LOG_LEVEL_DEBUG],
]);

export const logLevel: Command = {
  name: "log-level",
  summary: "Set how much the daemon logs, until it restarts.",
  positionals: [{ name: "LEVEL", doc: `One of ${[...levels.keys()].join(", ")}.` }],
  flags: {},
  examples: ["kvdb log-level debug"],
  run: async (call) => {
    const [name = ""] = call.args;
    const level = levels.get(name);
    if (level === undefined) {
      throw usageError(
        `there is no log level ${name}`,
        `take one of ${[...levels.keys()].join(", ")}`,
      );
    }
    const client = await call.connect();
    const answer = await client.admin.setLogLevel({ level }, { signal: call.signal });
    const shown = (is: LogLevel): string => showEnum(logLevelToJSON(is), "LOG_LEVEL");
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.setLogLevel, answer),
      () => [`${shown(answer.level)}, was ${shown(answer.previousLevel)}`],
    );
    return "ok";
  },
};
