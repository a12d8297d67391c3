/** The load generator: a process of its own, so that what it costs is not what is measured. */
import { answerJobs } from "../processes/answer-jobs.js";
import { Workload } from "../workload/keys.js";
import type { Job } from "./load-job.js";
import { runLoad } from "./run-load.js";
import { runWatch } from "./run-watch.js";

const workload = new Workload();
let jobs = 0;

answerJobs((job: Job) => {
  jobs += 1;
  return job.kind === "watch" ? runWatch(job, workload) : runLoad(job, workload, jobs);
});
