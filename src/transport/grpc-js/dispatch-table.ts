/**
 * The service table joined with the codecs of the generated definitions. Decoding never throws: a
 * library that catches the error would answer in its own words, without details and uncounted.
 */
import type { MethodDefinition } from "@grpc/grpc-js";
import { assert } from "../../foundation/assert.js";
import { malformedMessage } from "../../rpc/call.js";
import { encodesItself, ownBytes } from "../../rpc/read-answers.js";
import type { ServedMethod } from "../../rpc/served-method.js";
import { HealthService } from "../../wire/grpc/health/v1/health.js";
import { ServerReflectionService } from "../../wire/grpc/reflection/v1/reflection.js";
import { ServerReflectionService as ServerReflectionAlphaService } from "../../wire/grpc/reflection/v1alpha/reflection.js";
import { AdminServiceService } from "../../wire/kvdb/v1/admin.js";
import { KvServiceService } from "../../wire/kvdb/v1/kv.js";
import { LeaseServiceService } from "../../wire/kvdb/v1/lease.js";
import { NamespaceServiceService } from "../../wire/kvdb/v1/namespace.js";

/** A message with what it cost to receive. */
export interface Decoded {
  readonly message: unknown;
  readonly bytes: number;
}

export interface Codec {
  readonly decode: (bytes: Buffer) => Decoded;
  readonly encode: (message: unknown) => Buffer;
}

export interface DispatchRow {
  readonly method: ServedMethod;
  readonly codec: Codec;
}

type Definition = MethodDefinition<unknown, unknown>;

const definitions: ReadonlyMap<string, Definition> = new Map(
  [
    KvServiceService,
    LeaseServiceService,
    NamespaceServiceService,
    AdminServiceService,
    HealthService,
    ServerReflectionService,
    ServerReflectionAlphaService,
  ]
    .flatMap((service) => Object.values(service) as unknown as Definition[])
    .map((definition) => [definition.path, definition]),
);

/** Asserts that every row is defined with the shape that it is served in. */
export function dispatchTable(methods: readonly ServedMethod[]): readonly DispatchRow[] {
  return methods.map((method) => {
    const definition = definitions.get(method.path);
    assert(definition !== undefined, `${method.path} must be defined in a .proto file`);
    assert(shapeOf(definition) === method.shape, `${method.path} must be served in its own shape`);
    return { method, codec: codecOf(definition) };
  });
}

/** Every path that the definitions know, served or not. */
export function definedPaths(): readonly string[] {
  return [...definitions.keys()];
}

function codecOf(definition: Definition): Codec {
  return {
    decode: (bytes) => ({ message: decodeOrMark(definition, bytes), bytes: bytes.length }),
    encode: (message) =>
      encodesItself(message) ? message[ownBytes]() : definition.responseSerialize(message),
  };
}

/** The decoder's error says where in the bytes it stopped, which helps nobody: it is dropped. */
function decodeOrMark(definition: Definition, bytes: Buffer): unknown {
  try {
    return definition.requestDeserialize(bytes);
  } catch {
    return malformedMessage;
  }
}

function shapeOf(definition: Definition): ServedMethod["shape"] {
  if (definition.requestStream) return definition.responseStream ? "bidi" : "client-stream";
  return definition.responseStream ? "server-stream" : "unary";
}
