/**
 * JSON to messages and back, by the contract's descriptors, as the JSON mapping of protobuf has it:
 * bytes in base64, 64-bit numbers as text, enums by name, durations as "1.5s". Stricter in one way:
 * a misspelt field is refused, because silence would drop what it was meant to say.
 */
import {
  durationFromText,
  durationText,
  type SecondsAndNanos,
  timestampFromText,
  timestampText,
} from "./json-text.js";
import type { FieldSchema, MessageSchema, ProtoSchema } from "./proto-schema.js";

/** Reads the bytes of a field from the text that stands for them. Undefined: it stands for none. */
export type BytesReader = (text: string, field: FieldSchema) => Uint8Array | undefined;

/** Says where in the JSON something is wrong, and what. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

const durationType = "google.protobuf.Duration";
const timestampType = "google.protobuf.Timestamp";
const integerKinds = /^(u?int|s?fixed|sint)(32|64)$/;

type JsonObject = Readonly<Record<string, unknown>>;

export function bytesFromBase64(text: string): Uint8Array | undefined {
  const canonical = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const bytes = Buffer.from(canonical, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === canonical ? bytes : undefined;
}

/** The encoded message, or a JsonError that names the place. */
export function messageFromJson(
  schema: ProtoSchema,
  typeName: string,
  json: unknown,
  readBytes: BytesReader = bytesFromBase64,
): Buffer {
  const message = schema.message(typeName);
  return message.encode(objectFromJson({ schema, readBytes }, message, json, ""));
}

interface Reading {
  readonly schema: ProtoSchema;
  readonly readBytes: BytesReader;
}

function objectFromJson(
  reading: Reading,
  message: MessageSchema,
  json: unknown,
  at: string,
): Record<string, unknown> {
  if (!isObject(json)) throw new JsonError(`${place(at)} must be an object`);
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    const field = message.fields.find((known) => known.jsonName === name || known.name === name);
    const inside = at === "" ? name : `${at}.${name}`;
    if (field === undefined) {
      const names = message.fields.map(({ jsonName }) => jsonName).join(", ");
      throw new JsonError(`${inside} is no field of ${message.name}; it has: ${names || "none"}`);
    }
    if (value !== null) result[field.name] = fieldFromJson(reading, field, value, inside);
  }
  return result;
}

function fieldFromJson(reading: Reading, field: FieldSchema, json: unknown, at: string): unknown {
  if (!field.repeated) return valueFromJson(reading, field, json, at);
  if (!Array.isArray(json)) throw new JsonError(`${place(at)} must be a list`);
  return json.map((item, index) => valueFromJson(reading, field, item, `${at}[${String(index)}]`));
}

function valueFromJson(reading: Reading, field: FieldSchema, json: unknown, at: string): unknown {
  const { kind, typeName } = field;
  if (kind === "message") return nestedFromJson(reading, typeName, json, at);
  if (kind === "bytes") return bytesFromJson(reading, field, json, at);
  if (kind === "enum") return enumFromJson(reading.schema, typeName, json, at);
  if (integerKinds.test(kind)) return integerFromJson(kind, json, at);
  const wanted = kind === "bool" ? "boolean" : kind === "string" ? "string" : "number";
  if (typeof json !== wanted) throw new JsonError(`${place(at)} must be a ${wanted}`);
  return json;
}

function nestedFromJson(reading: Reading, typeName: string, json: unknown, at: string): unknown {
  if (typeof json === "string") {
    const parse = { [durationType]: durationFromText, [timestampType]: timestampFromText }[
      typeName
    ];
    const parsed = parse?.(json);
    if (parsed !== undefined) return { seconds: parsed.seconds.toString(), nanos: parsed.nanos };
  }
  if (typeName === durationType && !isObject(json)) {
    throw new JsonError(`${place(at)} must be a duration in seconds such as "1.5s"`);
  }
  if (typeName === timestampType && !isObject(json)) {
    throw new JsonError(`${place(at)} must be a moment such as "2024-01-31T12:00:00Z"`);
  }
  return objectFromJson(reading, reading.schema.message(typeName), json, at);
}

function bytesFromJson(reading: Reading, field: FieldSchema, json: unknown, at: string): unknown {
  const bytes = typeof json === "string" ? reading.readBytes(json, field) : undefined;
  if (bytes === undefined) {
    throw new JsonError(`${place(at)} must be bytes, as text in the encoding asked for`);
  }
  return bytes;
}

function enumFromJson(schema: ProtoSchema, typeName: string, json: unknown, at: string): unknown {
  const names = schema.enumNames(typeName);
  if (typeof json === "number" && names[json] !== undefined) return json;
  if (typeof json === "string" && names.includes(json)) return json;
  throw new JsonError(`${place(at)} must be one of ${names.join(", ")}`);
}

function integerFromJson(kind: string, json: unknown, at: string): unknown {
  const text = typeof json === "number" && Number.isInteger(json) ? String(json) : json;
  if (typeof text !== "string" || !/^-?\d{1,20}$/.test(text)) {
    throw new JsonError(`${place(at)} must be a whole number`);
  }
  if (typeof json === "number" && !Number.isSafeInteger(json)) {
    throw new JsonError(`${place(at)} is too large for a JSON number; write it as text`);
  }
  const bits = kind.endsWith("64") ? 64n : 32n;
  const signed = !kind.startsWith("u") && !kind.startsWith("f");
  const [least, most] = signed
    ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
    : [0n, 2n ** bits - 1n];
  const value = BigInt(text);
  if (value < least || value > most) throw new JsonError(`${place(at)} does not fit ${kind}`);
  return bits === 64n ? text : Number(text);
}

export interface JsonStyle {
  /** Beside each field of bytes that is valid UTF-8, the text under its name with "Text" added. */
  readonly texts: boolean;
}

/** The JSON of an encoded message; every field that has a value or a default is there. */
export function jsonFromMessage(
  schema: ProtoSchema,
  typeName: string,
  bytes: Uint8Array,
  style: JsonStyle = { texts: false },
): JsonObject {
  const message = schema.message(typeName);
  return jsonOfObject(schema, message, message.decode(Buffer.from(bytes)), style);
}

function jsonOfObject(
  schema: ProtoSchema,
  message: MessageSchema,
  object: JsonObject,
  style: JsonStyle,
): JsonObject {
  const json: Record<string, unknown> = {};
  for (const field of message.fields) {
    const value = object[field.name];
    if (value === undefined || value === null) continue;
    json[field.jsonName] = jsonOfField(schema, field, value, style);
    const text = style.texts && field.kind === "bytes" ? textOfBase64(value) : undefined;
    if (text !== undefined) json[`${field.jsonName}Text`] = text;
  }
  return json;
}

function jsonOfField(
  schema: ProtoSchema,
  field: FieldSchema,
  value: unknown,
  style: JsonStyle,
): unknown {
  if (!Array.isArray(value)) return jsonOfValue(schema, field, value, style);
  if (!isMap(field)) return value.map((item: unknown) => jsonOfValue(schema, field, item, style));
  const entries = value as { readonly key: string; readonly value: unknown }[];
  return Object.fromEntries(entries.map((entry) => [entry.key, entry.value]));
}

/**
 * On the wire a map is a list of entries, whose type has a name that only maps have. The contract
 * maps texts to texts alone, so an entry's value needs no further reading.
 */
function isMap({ repeated, typeName, jsonName }: FieldSchema): boolean {
  const entryName = `${jsonName.slice(0, 1).toUpperCase()}${jsonName.slice(1)}Entry`;
  return repeated && typeName.split(".").at(-1) === entryName;
}

function jsonOfValue(
  schema: ProtoSchema,
  field: FieldSchema,
  value: unknown,
  style: JsonStyle,
): unknown {
  if (field.kind !== "message" || !isObject(value)) return value;
  if (field.typeName === durationType) return durationText(secondsAndNanos(value));
  if (field.typeName === timestampType) return timestampText(secondsAndNanos(value));
  return jsonOfObject(schema, schema.message(field.typeName), value, style);
}

function secondsAndNanos(value: JsonObject): SecondsAndNanos {
  return { seconds: BigInt(String(value["seconds"])), nanos: Number(value["nanos"]) };
}

function textOfBase64(value: unknown): string | undefined {
  return typeof value === "string" ? textOfBytes(Buffer.from(value, "base64")) : undefined;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that the bytes are in UTF-8. Undefined: they are none. */
export function textOfBytes(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) return undefined;
    throw cause;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function place(at: string): string {
  return at === "" ? "the message" : at;
}
