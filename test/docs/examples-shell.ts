/**
 * A shell as a reader has it before them: `kvdb` and `kvdbd` on the path, a directory of its own, one
 * command after the other, so that variables, $? and what runs in the background stay.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kvdbProgram } from "../cli/run-kvdb.js";
import { daemonProgram, plainEnvironment } from "../support/spawn-daemon.js";
import { type Ending, tempDirectory } from "../support/temp-directory.js";
import { waitFor } from "../support/wait.js";

/** Of one command, on a machine that does much else. */
const commandMsMax = 120_000;
const mark = "-- the end of a command:";

export interface Printed {
  readonly lines: readonly string[];
  readonly code: number;
}

export interface ShellOptions {
  /** Of the daemon that `kvdb` talks to. */
  readonly address: string;
  /** Undefined: a new one, gone at the end. */
  readonly directory?: string;
}

export class ExampleShell {
  readonly #process: ChildProcessWithoutNullStreams;
  #output = "";
  #ended = false;

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    process.stdout.on("data", (data: Buffer) => {
      this.#output += data.toString("utf8");
    });
    process.once("close", () => {
      this.#ended = true;
    });
    process.stdin.write("exec 2>&1\n");
  }

  /** Whatever it has started ends with it. */
  static open(ending: Ending, { address, directory }: ShellOptions): ExampleShell {
    const started: ChildProcessWithoutNullStreams[] = [];
    // Registered first, so that everything has ended before its directory goes.
    ending.after(async () => {
      await Promise.all(started.map(endGroup));
    });
    const home = tempDirectory(ending);
    const env = plainEnvironment();
    const child = spawn("bash", ["--noprofile", "--norc"], {
      cwd: directory ?? home,
      env: {
        ...env,
        PATH: `${programsIn(home)}:${env["PATH"] ?? ""}`,
        HOME: home,
        KVDB_ADDRESS: address,
        // npx would ask a server for news of itself, and print them.
        npm_config_update_notifier: "false",
      },
      // A group of its own, so that it can be ended as a whole.
      detached: true,
    });
    started.push(child);
    return new ExampleShell(child);
  }

  async run(command: string): Promise<Printed> {
    // The group keeps the command from reading the rest of the script; $? is what the next one sees.
    this.#process.stdin.write(
      `{ ${command}\n} < /dev/null\n__code=$?; printf '\\n${mark} %s\\n' "$__code"; (exit "$__code")\n`,
    );
    const end = new RegExp(`\\n${mark} (\\d+)\\n`);
    const found = await waitFor(
      `the end of: ${command}`,
      () => {
        if (this.#ended) throw new Error(`the shell has ended:\n${this.#output}`);
        return end.exec(this.#output) ?? undefined;
      },
      commandMsMax,
    );
    const printed = this.#output.slice(0, found.index).replace(/\n$/, "");
    this.#output = this.#output.slice(found.index + found[0].length);
    return { lines: printed === "" ? [] : printed.split("\n"), code: Number(found[1]) };
  }
}

function programsIn(home: string): string {
  const programs = join(home, ".programs");
  mkdirSync(programs);
  symlinkSync(kvdbProgram, join(programs, "kvdb"));
  const flags = process.getuid?.() === 0 ? " --allow-root" : "";
  const script = `#!/bin/sh\nexec '${process.execPath}' '${daemonProgram}'${flags} "$@"\n`;
  writeFileSync(join(programs, "kvdbd"), script, { mode: 0o755 });
  return programs;
}

/** Kills the shell and what still runs in its group. */
async function endGroup(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  process.kill(-child.pid, "SIGKILL");
  await closed;
}
