/** The child's side of a process that is given one job after another: see working-process.ts. */
export type JobAnswer<Report> =
  | { readonly kind: "done"; readonly report: Report }
  | { readonly kind: "failed"; readonly why: string };

/** A program takes the jobs that its parent was compiled to send, so their type is its own matter. */
export function answerJobs<Report>(run: (job: never) => Promise<Report> | Report): void {
  process.on("message", (job) => {
    void answer(run, job as never);
  });
  // The parent is gone: nobody waits for an answer.
  process.once("disconnect", () => {
    process.exit(0);
  });
}

async function answer<Report>(
  run: (job: never) => Promise<Report> | Report,
  job: never,
): Promise<void> {
  const message: JobAnswer<Report> = await attempt(run, job);
  process.send?.(message);
}

async function attempt<Report>(
  run: (job: never) => Promise<Report> | Report,
  job: never,
): Promise<JobAnswer<Report>> {
  try {
    return { kind: "done", report: await run(job) };
  } catch (error) {
    return {
      kind: "failed",
      why: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}
