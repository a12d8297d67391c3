/**
 * The parent's end of one checking process: its messages, its end, and the power to end it. Messages
 * that nobody has taken yet are not piled up: of progress only the newest counts.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { CheckOrder, FromCheck } from "./integrity-protocol.js";

const entry = new URL("./integrity-process.js", import.meta.url);
/** What a dying process said last; enough for the line that names the reason. */
const lastWordsCharactersMax = 500;

type Progress = Extract<FromCheck, { kind: "progress" }>;
export type CheckEnd =
  | Exclude<FromCheck, Progress>
  /** Ended by us. */
  | { readonly kind: "killed"; readonly reason: string };

export class CheckChild {
  /** Resolves when the process is gone and all it held is free. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  #progress: Progress | undefined;
  #end: CheckEnd | undefined;
  #killedFor: string | undefined;
  #lastWords = "";
  #wake: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.gone = new Promise((resolve) => {
      child.once("exit", () => {
        resolve();
      });
      // Not started at all: then no exit follows.
      child.once("error", () => {
        if (child.pid === undefined) resolve();
      });
    });
  }

  static start(order: CheckOrder): CheckChild {
    const child = fork(entry, [JSON.stringify(order)], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const started = new CheckChild(child);
    started.#listen();
    return started;
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The newest progress, or the end. Ask again until it is the end; one asker at a time. */
  async next(): Promise<Progress | CheckEnd> {
    while (this.#progress === undefined && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const next = this.#progress ?? this.#end;
    this.#progress = undefined;
    return next ?? { kind: "impossible", reason: "the check ended without a word" };
  }

  /** Ends it now, in the middle of whatever it does. */
  kill(reason: string): void {
    if (this.#end !== undefined) return;
    this.#killedFor ??= reason;
    this.#child.kill("SIGKILL");
  }

  #listen(): void {
    const child = this.#child;
    child.on("message", (message) => {
      const from = message as FromCheck;
      if (from.kind === "progress") this.#progress = from;
      else this.#finish(from);
      this.#wake();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsCharactersMax);
    });
    child.on("error", (error) => {
      this.#finish({ kind: "impossible", reason: error.message });
    });
    child.on("exit", (code, signal) => {
      this.#finish(this.#endOf(code, signal));
    });
  }

  /** The first end counts. A process that has answered waits for its channel to be closed. */
  #finish(end: CheckEnd): void {
    this.#end ??= end;
    if (this.#child.connected) this.#child.disconnect();
    this.#wake();
  }

  #endOf(code: number | null, signal: NodeJS.Signals | null): CheckEnd {
    if (this.#killedFor !== undefined) return { kind: "killed", reason: this.#killedFor };
    const how = signal ?? `exit code ${String(code)}`;
    const words = this.#lastWords.trim();
    const reason = `the checking process ended (${how})${words === "" ? "" : `: ${words}`}`;
    return { kind: "impossible", reason };
  }
}
