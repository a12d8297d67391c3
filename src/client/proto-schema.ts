/**
 * The contract as data: the same descriptors that the server shows through reflection, loaded once
 * per process that asks for them. Types are found by name, methods by as much of their name as is
 * needed.
 */
import type { AnyDefinition } from "@grpc/proto-loader";

export interface FieldSchema {
  /** As in the .proto file. */
  readonly name: string;
  /** As in JSON. */
  readonly jsonName: string;
  /** For example "bytes", "uint64", "message", "enum". */
  readonly kind: string;
  readonly repeated: boolean;
  /** Full name of a message or enum. Empty for others. */
  readonly typeName: string;
}

export interface MessageSchema {
  readonly name: string;
  readonly fields: readonly FieldSchema[];
  /** From plain objects with names as in the .proto file, bytes as Uint8Array. */
  readonly encode: (message: object) => Buffer;
  /** To such objects: bytes in base64, enums as names, 64-bit numbers as text, nothing left out. */
  readonly decode: (bytes: Buffer) => Readonly<Record<string, unknown>>;
}

export interface MethodSchema {
  /** For example "kvdb.v1.KvService/Get". */
  readonly name: string;
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestType: string;
  readonly responseType: string;
}

interface LoadedField {
  readonly name: string;
  readonly type: string;
  readonly label: string;
  readonly typeName: string;
}

type ServiceDefinition = Exclude<AnyDefinition, { readonly format: unknown }>;

export class ProtoSchema {
  readonly methods: readonly MethodSchema[];
  readonly #definitions: Readonly<Record<string, AnyDefinition>>;
  readonly #messages = new Map<string, MessageSchema>();

  private constructor(definitions: Readonly<Record<string, AnyDefinition>>) {
    this.#definitions = definitions;
    this.methods = Object.entries(definitions).flatMap(([service, definition]) => {
      if (!isService(definition)) return [];
      return Object.entries(definition).map(([method, row]) => ({
        name: `${service}/${method}`,
        path: row.path,
        requestStream: row.requestStream,
        responseStream: row.responseStream,
        requestType: this.#absolute(nameOf(row.requestType), service),
        responseType: this.#absolute(nameOf(row.responseType), service),
      }));
    });
  }

  /** The loader is fetched here and not above: most programs never ask, and it costs 0.1 s. */
  static async load(): Promise<ProtoSchema> {
    const { loadFileDescriptorSetFromBuffer } = await import("@grpc/proto-loader");
    const { descriptorSetBase64 } = await import("../wire/descriptor-set.js");
    const set = Buffer.from(descriptorSetBase64, "base64");
    return new ProtoSchema(
      loadFileDescriptorSetFromBuffer(set, {
        longs: String,
        enums: String,
        bytes: String,
        defaults: true,
      }),
    );
  }

  /**
   * The methods meant by "kvdb.v1.KvService/Get", "KvService/Get" or "Get"; none or several when
   * the name is wrong or not enough.
   */
  methodsNamed(name: string): readonly MethodSchema[] {
    const wanted = name.replace(/^\//, "");
    const exact = this.methods.filter((method) => method.name === wanted);
    if (exact.length > 0) return exact;
    return this.methods.filter(({ name: full }) => {
      return full.endsWith(`.${wanted}`) || full.endsWith(`/${wanted}`);
    });
  }

  message(typeName: string): MessageSchema {
    const known = this.#messages.get(typeName);
    if (known !== undefined) return known;
    const definition = this.#definitions[typeName];
    if (definition === undefined || isService(definition) || !("deserialize" in definition)) {
      throw new RangeError(`the contract has no message ${typeName}`);
    }
    const { field } = definition.type as { readonly field: readonly LoadedField[] };
    const schema: MessageSchema = {
      name: typeName,
      fields: field.map((loaded) => this.#field(loaded, typeName)),
      encode: definition.serialize,
      decode: (bytes) => definition.deserialize(bytes) as Readonly<Record<string, unknown>>,
    };
    this.#messages.set(typeName, schema);
    return schema;
  }

  /** The names of an enum's values. */
  enumNames(typeName: string): readonly string[] {
    const definition = this.#definitions[typeName];
    if (definition === undefined || isService(definition)) return [];
    const { value = [] } = definition.type as { value?: readonly { readonly name: string }[] };
    return value.map(({ name }) => name);
  }

  #field(loaded: LoadedField, owner: string): FieldSchema {
    return {
      name: loaded.name,
      jsonName: jsonNameOf(loaded.name),
      kind: loaded.type.replace(/^TYPE_/, "").toLowerCase(),
      repeated: loaded.label === "LABEL_REPEATED",
      typeName: loaded.typeName === "" ? "" : this.#absolute(loaded.typeName, owner),
    };
  }

  /** The loader gives names relative to where they are used; the nearest scope that has it wins. */
  #absolute(name: string, from: string): string {
    const scope = from.split(".");
    for (; scope.length > 0; scope.pop()) {
      const candidate = [...scope, name].join(".");
      if (candidate in this.#definitions) return candidate;
    }
    return name.replace(/^\./, "");
  }
}

/** `page_size` → `pageSize`. */
export function jsonNameOf(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function isService(definition: AnyDefinition): definition is ServiceDefinition {
  return !("format" in definition);
}

function nameOf(type: { readonly type: object }): string {
  return (type.type as { readonly name: string }).name;
}
