/** kvdb version and help */
import { readFileSync } from "node:fs";
import { usageError } from "../cli-error.js";
import type { Command } from "../command.js";
import { commandHelp, exitCodeLines, overview } from "../help.js";

export const version: Command = {
  name: "version",
  summary: "The version of this tool; with --json also of Node.js.",
  positionals: [],
  flags: {},
  details: "The daemon's version is in `kvdb status`.",
  examples: ["kvdb version"],
  run: async ({ out }) => {
    const text = readFileSync(new URL("../../../../package.json", import.meta.url), "utf8");
    const { version: kvdb } = JSON.parse(text) as { readonly version: string };
    await out.answer(
      () => ({ kvdb, node: process.versions.node }),
      () => [`kvdb ${kvdb}`],
    );
    return "ok";
  },
};

/** Takes the table, because it is in the table itself. */
export function helpCommand(commands: () => readonly Command[]): Command {
  return {
    name: "help",
    summary: "All commands, or one of them, or the exit codes.",
    positionals: [{ name: "COMMAND", doc: "A command, or exit-codes.", optional: true }],
    flags: {},
    examples: ["kvdb help", "kvdb help put", "kvdb help exit-codes"],
    run: async ({ args, out }) => {
      const [name] = args;
      const command = commands().find((known) => known.name === name);
      if (name !== undefined && name !== "exit-codes" && command === undefined) {
        throw usageError(`there is no command ${name}`, "`kvdb help` lists the commands");
      }
      const lines =
        command !== undefined
          ? commandHelp(command)
          : name === undefined
            ? overview(commands())
            : exitCodeLines();
      for (const line of lines) await out.line(line);
      return "ok";
    },
  };
}
