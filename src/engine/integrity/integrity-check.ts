/**
 * Interim by the lead, to let everything link: whoever writes this part replaces it.
 */
import { fork } from "node:child_process";
import type {
  IntegrityMode,
  IntegrityProgress,
  IntegrityReport,
} from "../../storage/maintenance.js";

export class IntegrityChecker {
  readonly #file: string;
  #last: IntegrityReport | undefined;
  constructor(ports: {
    readonly file: string;
    readonly failuresBefore: number;
    readonly events: unknown;
    countFailure(): Promise<number>;
  }) {
    this.#file = ports.file;
  }
  async *check(
    mode: IntegrityMode,
    _signal: AbortSignal,
  ): AsyncIterable<IntegrityProgress | IntegrityReport> {
    const startedAtMs = 0;
    const messages = await new Promise<string[]>((resolve) => {
      const child = fork(new URL("./integrity-process.js", import.meta.url), [this.#file, mode]);
      child.on("message", (m) => resolve(m as string[]));
      child.on("exit", (code) => resolve(code === 0 ? [] : [`exit ${code ?? 0}`]));
    });
    this.#last = {
      kind: "report",
      mode,
      verdict: messages.length === 0 ? "passed" : "failed",
      messages,
      startedAtMs,
      durationMs: 0,
      rowsChecked: 0,
    };
    yield this.#last;
  }
  async checkAtStart(mode: "quick" | "full"): Promise<IntegrityReport> {
    for await (const item of this.check(mode, new AbortController().signal)) {
      if (item.kind === "report") return item;
    }
    throw new Error("no report");
  }
  cancel(_reason: string): number {
    return 0;
  }
  nameOfProcess(_pid: number): string | undefined {
    return undefined;
  }
  lastReport(): IntegrityReport | undefined {
    return this.#last;
  }
  async close(): Promise<void> {
    return Promise.resolve();
  }
}
