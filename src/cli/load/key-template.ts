/** Keys made from a row's fields: `city/{country}/{name}/{lat},{lng}`. */
import { CliError, usageError } from "../cli-error.js";

type Part = { readonly text: string } | { readonly field: readonly string[] };

export class KeyTemplate {
  readonly text: string;
  readonly #parts: readonly Part[];

  private constructor(text: string, parts: readonly Part[]) {
    this.text = text;
    this.#parts = parts;
  }

  /** Refuses a template without a field: every row would have the same key. */
  static parse(text: string): KeyTemplate {
    const pieces = text.split(/(\{[^{}]*\})/).filter((piece) => piece !== "");
    const parts = pieces.map((piece): Part => {
      const field = /^\{([^{}]+)\}$/.exec(piece)?.[1];
      if (field !== undefined) return { field: field.split(".") };
      if (!/[{}]/.test(piece)) return { text: piece };
      throw usageError(`--key has a brace without its partner: ${text}`, "write fields as {name}");
    });
    if (parts.some((part) => "field" in part)) return new KeyTemplate(text, parts);
    throw usageError(`--key names no field: ${text}`, "write fields as {name}, such as city/{id}");
  }

  /** The key of one row; `where` names the row in the refusal of one that lacks a field. */
  keyOf(row: unknown, where: string): string {
    return this.#parts
      .map((part) => ("text" in part ? part.text : fieldOf(row, part.field, where)))
      .join("");
  }
}

function fieldOf(row: unknown, path: readonly string[], where: string): string {
  let value = row;
  for (const name of path) {
    const inside: unknown = isRow(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    value = inside;
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  const known = isRow(row) ? Object.keys(row).join(", ") : "it is no object";
  throw new CliError("validation", `${where} has no field ${path.join(".")} to make a key of`, {
    hint: `its fields: ${known}`,
  });
}

function isRow(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
