/** Typed answers in the same JSON as calls by name give. */
import { type JsonStyle, jsonFromMessage } from "./proto-json.js";
import type { ProtoSchema } from "./proto-schema.js";

export interface AnswerRow<Answer> {
  readonly definition: {
    readonly path: string;
    readonly responseSerialize: (answer: Answer) => Buffer;
  };
}

export function answerJson<Answer>(
  schema: ProtoSchema,
  row: AnswerRow<Answer>,
  answer: Answer,
  style: JsonStyle = { texts: true },
): Readonly<Record<string, unknown>> {
  const { path, responseSerialize } = row.definition;
  const [method] = schema.methodsNamed(path);
  return jsonFromMessage(schema, method?.responseType ?? path, responseSerialize(answer), style);
}
