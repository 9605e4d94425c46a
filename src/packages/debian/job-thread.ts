import { serveJobs } from "../../host/worker-pool.ts";
import { type DebianJob, doJob } from "./jobs.ts";

// The program of the threads of job-pool.ts.
serveJobs((job) => doJob(job as DebianJob));
