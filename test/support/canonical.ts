/** Content as text, so that what an engine and a model answer can be compared and shown. */

/** Plain data as text: the same for equal content, in whatever order and kind of byte array. */
export function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(", ")}]`;
  if (typeof value === "bigint") return `${String(value)}n`;
  if (value === undefined) return "undefined";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${name}: ${canonical(field)}`).join(", ")}}`;
}
