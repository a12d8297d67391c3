/** kvdb events */
import {
  adminMethods,
  answerJson,
  type EngineEvent,
  EngineEventKind,
  engineEventKindToJSON,
  ProtoSchema,
} from "../../client/index.js";
import type { Command } from "../command.js";
import { isGoodEnd } from "../endless.js";
import { showEnum, showTime } from "../show.js";

const kinds: ReadonlyMap<string, EngineEventKind> = new Map([
  ["checkpoint", EngineEventKind.ENGINE_EVENT_KIND_CHECKPOINT],
  ["recovery", EngineEventKind.ENGINE_EVENT_KIND_RECOVERY],
  ["integrity", EngineEventKind.ENGINE_EVENT_KIND_INTEGRITY],
  ["alarm", EngineEventKind.ENGINE_EVENT_KIND_ALARM],
  ["config", EngineEventKind.ENGINE_EVENT_KIND_CONFIG],
  ["state", EngineEventKind.ENGINE_EVENT_KIND_STATE],
]);

export const events: Command = {
  name: "events",
  summary: "What happens in the daemon: checkpoints, alarms, changes of state.",
  positionals: [],
  flags: {
    after: {
      kind: "revision",
      placeholder: "N",
      doc: "Only events after number N. Default: all kept.",
    },
    kind: { kind: "choice", choices: [...kinds.keys()], doc: "Only events of this kind." },
  },
  details: "First the events that the daemon keeps, then new ones, until Ctrl-C or for --timeout.",
  examples: ["kvdb events", "kvdb events --kind checkpoint --json", "kvdb events --timeout 1s"],
  run: async (call) => {
    const { flags, out, signal, timeoutMs } = call;
    const kind = kinds.get(flags.choice("kind") ?? "");
    const schema = await ProtoSchema.load();
    const client = await call.connect();
    const request = {
      afterSequence: flags.revision("after") ?? 0n,
      ...(kind !== undefined && { kinds: [kind] }),
    };
    const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
    try {
      for await (const answer of client.admin.watchEvents(request, limits)) {
        const { event } = answer;
        if (event === undefined) continue;
        await out.answer(
          () => answerJson(schema, adminMethods.watchEvents, answer)["event"],
          () => [eventLine(event)],
        );
      }
    } catch (error) {
      if (!isGoodEnd(error, call)) throw error;
    }
    return "ok";
  },
};

function eventLine(event: EngineEvent): string {
  const kind = showEnum(engineEventKindToJSON(event.kind), "ENGINE_EVENT_KIND");
  return `${String(event.sequence)}  ${showTime(event.time)}  ${kind}  ${event.name}  ${event.message}`;
}
