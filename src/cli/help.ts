/** Help for people and the reference page, both from the rows of the command table. */
import type { Command, FlagRow, FlagTable } from "./command.js";
import { globalFlags } from "./command.js";
import { cliExits } from "./exit-codes.js";

const width = 96;

/** All commands, one line each. */
export function overview(commands: readonly Command[]): readonly string[] {
  const longest = Math.max(...commands.map(({ name }) => name.length));
  return [
    "kvdb: the command line tool of the kvdb daemon",
    "",
    "Usage: kvdb COMMAND [arguments] [flags]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(longest)}  ${summary}`),
    "",
    "Flags of every command:",
    ...flagLines(globalFlags),
    "",
    "`kvdb help COMMAND` shows what a command takes. `kvdb help exit-codes` lists how it ends.",
  ];
}

export function commandHelp(command: Command): readonly string[] {
  const lines = [`Usage: ${usageOf(command)}`, "", ...wrapped(command.summary, "")];
  if (command.details !== undefined) lines.push("", ...wrapped(command.details, ""));
  if (command.positionals.length > 0) {
    lines.push("", "Arguments:");
    for (const { name, doc } of command.positionals)
      lines.push(`  ${name}`, ...wrapped(doc, "      "));
  }
  if (Object.keys(command.flags).length > 0) lines.push("", "Flags:", ...flagLines(command.flags));
  lines.push("", "Flags of every command:", ...flagLines(globalFlags));
  if (command.examples.length > 0)
    lines.push("", "Examples:", ...command.examples.map((text) => `  ${text}`));
  return lines;
}

export function exitCodeLines(): readonly string[] {
  return Object.values(cliExits).flatMap(({ code, meaning }) => {
    return wrapped(meaning, "    ").map((line, at) => {
      return at === 0 ? `${String(code).padStart(2)}  ${line.trimStart()}` : line;
    });
  });
}

export function usageOf(command: Command): string {
  const words = command.positionals.map(({ name, optional, many }) => {
    const word = many === true ? `${name}...` : name;
    return optional === true ? `[${word}]` : word;
  });
  return ["kvdb", command.name, ...words, "[flags]"].join(" ");
}

export function flagUsage(name: string, row: FlagRow): string {
  const short = row.short === undefined ? "" : `-${row.short}, `;
  if (row.kind === "switch") return `${short}--${name}`;
  const value = row.choices?.join("|") ?? row.placeholder ?? row.kind.toUpperCase();
  return `${short}--${name} ${value}`;
}

function flagLines(table: FlagTable): readonly string[] {
  return Object.entries(table).flatMap(([name, row]) => {
    return [`  ${flagUsage(name, row)}`, ...wrapped(row.doc, "      ")];
  });
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length + word.length > width && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
