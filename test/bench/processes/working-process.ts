/** A compiled program that is given jobs, one at a time, and answers each with a report. */
import { type ChildProcess, fork } from "node:child_process";
import type { JobAnswer } from "./answer-jobs.js";

export class WorkingProcess<Job extends object, Report> {
  readonly #child: ChildProcess;
  readonly #name: string;
  #waiting: ((answer: JobAnswer<Report>) => void) | undefined;

  constructor(program: URL) {
    this.#name = program.pathname;
    this.#child = fork(program, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (answer) => {
      this.#answered(answer as JobAnswer<Report>);
    });
    this.#child.once("exit", (code, signal) => {
      this.#answered({ kind: "failed", why: `it ended with ${String(code ?? signal)}` });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Rejects with what the job failed of. */
  async run(job: Job): Promise<Report> {
    if (this.#waiting !== undefined) throw new Error(`${this.#name} is busy with another job`);
    const answer = await new Promise<JobAnswer<Report>>((resolve) => {
      this.#waiting = resolve;
      this.#child.send(job);
    });
    if (answer.kind === "failed") throw new Error(`${this.#name}: ${answer.why}`);
    return answer.report;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  #answered(answer: JobAnswer<Report>): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(answer);
  }
}
