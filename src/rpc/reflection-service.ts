/**
 * grpc.reflection from the descriptors that this server was built from, byte for byte. Tools rebuild
 * the schema from them, so a file must come with all its imports and unchanged.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "../wire/grpc/reflection/v1/reflection.js";
import type { Bidi } from "./call.js";
import { statusCode } from "./status-code.js";

interface DescriptorFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

/** What is defined, and where. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescriptorFile>();
  readonly #fileOfSymbol = new Map<string, string>();
  readonly services: readonly string[];

  /** Takes an encoded google.protobuf.FileDescriptorSet. */
  constructor(descriptorSet: Uint8Array) {
    const services: string[] = [];
    for (const bytes of filesOf(descriptorSet)) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      this.#files.set(file.name, { name: file.name, bytes, imports: file.dependency });
      for (const symbol of symbolsOf(file)) this.#fileOfSymbol.set(symbol, file.name);
      for (const { name } of file.service) services.push(qualified(file.package, name));
    }
    this.services = services;
  }

  /** The file, then everything it imports; undefined when there is no such file. */
  withImports(name: string): readonly Uint8Array[] | undefined {
    const wanted = [name];
    for (const next of wanted) {
      const file = this.#files.get(next);
      if (file === undefined) return undefined;
      for (const imported of file.imports) if (!wanted.includes(imported)) wanted.push(imported);
    }
    return wanted.flatMap((each) => this.#files.get(each)?.bytes ?? []);
  }

  /** By fully qualified name of a message, field, enum, service or method. */
  ofSymbol(symbol: string): readonly Uint8Array[] | undefined {
    const file = this.#fileOfSymbol.get(symbol);
    return file === undefined ? undefined : this.withImports(file);
  }
}

/** Serves both versions: v1alpha has the same messages under another name. */
export function reflect(
  index: DescriptorIndex,
): Bidi<ServerReflectionRequest, ServerReflectionResponse> {
  return async (requests, out) => {
    for await (const request of requests) {
      await out.write({
        validHost: request.host,
        originalRequest: request,
        messageResponse: answer(index, request.messageRequest),
      });
    }
  };
}

function answer(
  index: DescriptorIndex,
  request: ServerReflectionRequest["messageRequest"],
): ServerReflectionResponse["messageResponse"] {
  switch (request?.$case) {
    case "fileByFilename":
      return files(index.withImports(request.value));
    case "fileContainingSymbol":
      return files(index.ofSymbol(request.value));
    case "listServices":
      return {
        $case: "listServicesResponse",
        value: { service: index.services.map((name) => ({ name })) },
      };
    case "allExtensionNumbersOfType":
    case "fileContainingExtension":
      return failure(statusCode.NOT_FOUND, "no file here has extensions");
    case undefined:
      return failure(statusCode.INVALID_ARGUMENT, "the request asks for nothing");
  }
}

function files(
  found: readonly Uint8Array[] | undefined,
): ServerReflectionResponse["messageResponse"] {
  if (found === undefined) return failure(statusCode.NOT_FOUND, "there is no such file or symbol");
  return { $case: "fileDescriptorResponse", value: { fileDescriptorProto: [...found] } };
}

function failure(
  errorCode: number,
  errorMessage: string,
): ServerReflectionResponse["messageResponse"] {
  return { $case: "errorResponse", value: { errorCode, errorMessage } };
}

/** The set's only field is 1, repeated: the files, as they were written. */
function filesOf(descriptorSet: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(descriptorSet);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) found.push(reader.bytes());
    else reader.skip(wireType);
  }
  return found;
}

function symbolsOf(file: FileDescriptorProto): string[] {
  const services = file.service.flatMap(({ name, method }) => {
    const service = qualified(file.package, name);
    return [service, ...method.map((each) => `${service}.${each.name}`)];
  });
  const messages = file.messageType.flatMap((message) => symbolsOfMessage(message, file.package));
  const enums = file.enumType.flatMap((each) => symbolsOfEnum(each, file.package));
  return [...services, ...messages, ...enums];
}

function symbolsOfMessage(message: DescriptorProto, scope: string): string[] {
  const name = qualified(scope, message.name);
  return [
    name,
    ...message.field.map((field) => `${name}.${field.name}`),
    ...message.oneofDecl.map((oneof) => `${name}.${oneof.name}`),
    ...message.nestedType.flatMap((nested) => symbolsOfMessage(nested, name)),
    ...message.enumType.flatMap((nested) => symbolsOfEnum(nested, name)),
  ];
}

/** Values of an enum are siblings of it, not children. */
function symbolsOfEnum(each: EnumDescriptorProto, scope: string): string[] {
  return [each, ...each.value].map(({ name }) => qualified(scope, name));
}

function qualified(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}
