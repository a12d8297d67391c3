/** The reference page of the command line tool, from its command table and its exit codes. */
import type { Command, FlagTable } from "../../src/cli/command.js";
import { globalFlags } from "../../src/cli/command.js";
import { commands } from "../../src/cli/command-table.js";
import { cliExits } from "../../src/cli/exit-codes.js";
import { flagUsage, usageOf } from "../../src/cli/help.js";
import { code, markdownTable, page } from "./tables.js";

export function cliPage(): string {
  const exits = markdownTable(Object.values(cliExits), [
    { title: "code", cell: (row) => String(row.code) },
    { title: "meaning", cell: (row) => row.meaning },
  ]);
  return page(
    "kvdb, the command line tool",
    "src/cli/command-table.ts and src/cli/exit-codes.ts",
    "`kvdb COMMAND [arguments] [flags]`. Answers go to stdout, everything else to stderr.",
    markdownTable(commands, [
      { title: "command", cell: ({ name }) => `[${code(name)}](#${name})` },
      { title: "what it does", cell: ({ summary }) => summary },
    ]),
    "## Flags of every command",
    flags(globalFlags),
    "## Exit codes",
    "Chosen by the reason and the code of an error, never by its text.",
    exits,
    ...commands.flatMap(section),
  );
}

function section(command: Command): readonly string[] {
  const { name, summary, details, positionals, flags: own, examples } = command;
  const named = markdownTable(positionals, [
    { title: "argument", cell: (row) => code(row.name) },
    { title: "meaning", cell: (row) => row.doc },
  ]);
  return [
    `## ${name}`,
    code(usageOf(command)),
    [summary, ...(details === undefined ? [] : [details])].join(" "),
    ...(positionals.length === 0 ? [] : [named]),
    ...(Object.keys(own).length === 0 ? [] : [flags(own)]),
    ["```sh", ...examples, "```"].join("\n"),
  ];
}

function flags(table: FlagTable): string {
  return markdownTable(Object.entries(table), [
    { title: "flag", cell: ([name, row]) => code(flagUsage(name, row)) },
    { title: "meaning", cell: ([, row]) => row.doc },
  ]);
}
