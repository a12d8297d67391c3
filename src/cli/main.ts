/**
 * One invocation of the tool: find the command, run it, and turn whatever happens into an exit code
 * and at most two lines on stderr.
 */
import { isCancelled, type KvClient } from "../client/index.js";
import { systemClock } from "../foundation/clock.js";
import { systemRandom } from "../foundation/random.js";
import { type ParsedLine, parseLine } from "./arguments.js";
import type { Command } from "./command.js";
import { commands } from "./command-table.js";
import { connectTo } from "./connect.js";
import { describeError } from "./describe-error.js";
import { cliExits, type ExitName, exitOf } from "./exit-codes.js";
import { commandHelp } from "./help.js";
import { jsonLine, Output } from "./output.js";
import { type ProcessIo, processIo } from "./process-io.js";

/** Runs the command line of this process and sets its exit code. */
export async function runCli(words: readonly string[] = process.argv.slice(2)): Promise<void> {
  const io = processIo();
  try {
    process.exitCode = cliExits[await runWith(words, io)].code;
  } finally {
    io.close();
  }
}

async function runWith(words: readonly string[], io: ProcessIo): Promise<ExitName> {
  // Known before the line is parsed, because parsing may fail.
  const out = new Output(io, { json: words.includes("--json") });
  try {
    const line = parseLine(withoutNothing(words), commands);
    return await runCommand(line, out, io);
  } catch (error) {
    if (io.readerGone()) return "ok";
    report(error, out, io.signal.aborted);
    return exitOf(error);
  }
}

/** `kvdb`, `kvdb --help` and `kvdb --version` are asked for so often that they are commands too. */
function withoutNothing(words: readonly string[]): readonly string[] {
  if (words.length === 0) return ["help"];
  if (words[0] === "--version") return ["version"];
  return words[0] === "--help" || words[0] === "-h" ? ["help"] : words;
}

async function runCommand(line: ParsedLine, out: Output, io: ProcessIo): Promise<ExitName> {
  const { command, args, flags } = line;
  if (flags.switched("help")) return await showHelp(command, out);
  const clients: KvClient[] = [];
  const timeoutMs = flags.durationMs("timeout");
  try {
    return await command.run({
      args,
      flags,
      out,
      namespace: flags.text("namespace") ?? "",
      timeoutMs,
      signal: io.signal,
      clock: systemClock(),
      random: systemRandom(),
      input: io.input,
      connect: async (options) => {
        const client = await connectTo({ address: flags.text("address"), timeoutMs, ...options });
        clients.push(client);
        return client;
      },
    });
  } finally {
    for (const client of clients) client.close();
  }
}

async function showHelp(command: Command, out: Output): Promise<ExitName> {
  for (const text of commandHelp(command)) await out.line(text);
  return "ok";
}

function report(error: unknown, out: Output, interrupted: boolean): void {
  if (interrupted && isCancelled(error)) {
    out.note("kvdb: interrupted");
    return;
  }
  const shown = describeError(error);
  if (out.json) out.note(jsonLine({ error: { ...shown, exit: cliExits[exitOf(error)].code } }));
  else {
    const name = shown.reason === "" ? shown.status : shown.reason;
    out.note(`kvdb: ${shown.message}${name === "" ? "" : ` (${name})`}`);
    for (const { field, description } of shown.violations) out.note(`  ${field}: ${description}`);
    if (shown.hint !== "") out.note(`hint: ${shown.hint}`);
  }
}
