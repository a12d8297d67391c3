/**
 * Configuration files: lines of KEY=VALUE, as systemd, containers and shells read them too. Only
 * what all of them agree on is allowed, so that one file means the same everywhere: blank lines,
 * comments on lines of their own, and quotes around a whole value. Nothing is expanded.
 */

export interface EnvFile {
  readonly values: ReadonlyMap<string, string>;
  /** One sentence per line that could not be read, with its number. */
  readonly problems: readonly string[];
}

export function parseEnvFile(text: string): EnvFile {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const where = `line ${String(index + 1)}`;
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    const name = match?.[1];
    const text = match?.[2] ?? "";
    const value = unquote(text);
    if (name === undefined) problems.push(`${where}: expected KEY=VALUE or a # comment`);
    else if (value === undefined) problems.push(`${where}: the quotes of ${name} do not match`);
    else if (value === text && /\s#/.test(text))
      problems.push(`${where}: a comment needs a line of its own`);
    else if (values.has(name)) problems.push(`${where}: ${name} is set twice`);
    else values.set(name, value);
  }
  return { values, problems };
}

/** Undefined when a quote is open. */
function unquote(text: string): string | undefined {
  const first = text.at(0);
  if (first !== '"' && first !== "'") return text;
  const inner = text.slice(1, -1);
  return text.length >= 2 && text.endsWith(first) && !inner.includes(first) ? inner : undefined;
}

/** One line of such a file. */
export function printEnvLine(name: string, value: string): string {
  if (!/[\s#'"]/.test(value)) return `${name}=${value}`;
  return value.includes('"') ? `${name}='${value}'` : `${name}="${value}"`;
}
