/** From words on a command line to a command with its arguments and flags, or a usage error. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { nearestName } from "../config/nearest-name.js";
import { usageError } from "./cli-error.js";
import { type Command, type FlagRow, type FlagTable, globalFlags } from "./command.js";
import { FlagValues } from "./flag-values.js";

export interface ParsedLine {
  readonly command: Command;
  readonly args: readonly string[];
  readonly flags: FlagValues;
}

type Words = readonly string[];

/** The command's own flags and the ones that all have. */
export function flagsOf(command: Command): FlagTable {
  return { ...command.flags, ...globalFlags };
}

/** Global flags may stand before the command too: `kvdb --json get k`. */
export function findCommand(words: Words, commands: readonly Command[]): Command {
  const at = indexOfCommand(words);
  const name = words[at];
  if (name === undefined)
    throw usageError("no command was given", "`kvdb help` lists the commands");
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    commands.map((command) => command.name),
  );
  throw usageError(
    `there is no command ${name}`,
    `did you mean ${nearest}? \`kvdb help\` lists all`,
  );
}

export function parseLine(words: Words, commands: readonly Command[]): ParsedLine {
  const command = findCommand(words, commands);
  const at = indexOfCommand(words);
  const rest = [...words.slice(0, at), ...words.slice(at + 1)];
  const table = flagsOf(command);
  const { values, positionals } = parseWords(rest, table, command);
  const flags = new FlagValues(table, values);
  if (!flags.switched("help")) checkPositionals(positionals, command);
  return { command, args: positionals, flags };
}

/** The first word that is neither a flag nor the value of a global flag. */
function indexOfCommand(words: Words): number {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) return at;
    const row = Object.entries<FlagRow>(globalFlags).find(([name, { short }]) => {
      return word === `--${name}` || (short !== undefined && word === `-${short}`);
    });
    if (row !== undefined && row[1].kind !== "switch") at += 1;
  }
  return words.length;
}

function parseWords(
  words: Words,
  table: FlagTable,
  command: Command,
): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, { kind, short }] of Object.entries(table)) {
    options[name] = {
      type: kind === "switch" ? "boolean" : "string",
      ...(short !== undefined && { short }),
    };
  }
  try {
    const config = { args: [...words], options, allowPositionals: true, strict: true } as const;
    return parseArgs(config) as ReturnType<typeof parseWords>;
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw usageError(explain(cause, Object.keys(table)), seeHelp(command));
  }
}

/** parseArgs tells what is wrong in a sentence of several lines; the first one says it. */
function explain(cause: TypeError, names: Words): string {
  const [sentence = ""] = cause.message.split(/\n|\. /);
  const dashed = /Option '([^']+)' argument is ambiguous/.exec(sentence)?.[1];
  if (dashed !== undefined) {
    return `${dashed} has no value; one that begins with a dash is written as in --by=-5`;
  }
  const unknown = /Unknown option '--?([^' ]+)'/.exec(sentence)?.[1];
  if (unknown === undefined) return sentence;
  return `there is no flag --${unknown}; did you mean --${nearestName(unknown, names)}?`;
}

function checkPositionals(args: Words, command: Command): void {
  const { positionals } = command;
  const needed = positionals.filter(({ optional }) => optional !== true);
  const missing = needed[args.length];
  if (missing !== undefined) {
    throw usageError(`${command.name} needs ${missing.name}`, seeHelp(command));
  }
  const takesMany = positionals.some(({ many }) => many === true);
  if (takesMany || args.length <= positionals.length) return;
  const extra = args.slice(positionals.length).join(" ");
  throw usageError(`${command.name} takes no further argument: ${extra}`, seeHelp(command));
}

function seeHelp(command: Command): string {
  return `\`kvdb help ${command.name}\` shows what it takes`;
}
