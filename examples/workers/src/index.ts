export { jobs } from "./jobs.js";
export { openQueues, type Queues } from "./queues.js";
export { type Effects, startWorkers, type Workers } from "./workers.js";
