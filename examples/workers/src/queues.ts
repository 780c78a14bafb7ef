import { createQueue, type QueueStore, saas6 } from "@scale/queue";
import { jobs } from "./jobs.js";

/** Opens the six queues. A web process calls it with the same store, and enqueues. */
export function openQueues(store: QueueStore) {
  return {
    email: createQueue(jobs.email, { name: saas6.email.name, store }),
    cleanup: createQueue(jobs.cleanup, { name: saas6.cleanup.name, store }),
    leaderboard: createQueue(jobs.leaderboard, { name: saas6.leaderboard.name, store }),
    notifications: createQueue(jobs.notifications, { name: saas6.notifications.name, store }),
    reports: createQueue(jobs.reports, { name: saas6.reports.name, store, fairness: { charge: "time" } }),
    cacheWarming: createQueue(jobs.cacheWarming, { name: saas6.cacheWarming.name, store }),
  };
}

export type Queues = ReturnType<typeof openQueues>;
