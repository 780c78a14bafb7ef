import { createWorker, saas6, type Worker } from "@scale/queue";
import type { Queues } from "./queues.js";

/** The outside world of the handlers: the mail service, the database, the push service. */
export interface Effects {
  run(effect: string, signal: AbortSignal): Promise<void>;
}

export interface Workers {
  /** Resolves when every worker has asked for jobs. */
  ready(): Promise<void>;
  /** Takes no further job, waits for those that run, and hands back what has not ended at the deadline. */
  drain(deadlineMs: number): Promise<void>;
}

/** Starts a worker for each queue: ten e-mails at once, one clean-up. */
export function startWorkers(queues: Queues, { run }: Effects): Workers {
  const workers: Worker[] = [
    createWorker(
      queues.email,
      { "email.send": ({ data, signal }) => run(`mail ${data.to}: ${data.subject}`, signal) },
      { concurrency: saas6.email.concurrency },
    ),
    createWorker(
      queues.cleanup,
      { "sessions.expire": ({ data, signal }) => run(`sessions older than ${data.olderThanDays} days`, signal) },
      { concurrency: saas6.cleanup.concurrency },
    ),
    createWorker(
      queues.leaderboard,
      { "leaderboard.update": ({ data, signal }) => run(`leaderboard of ${data.contestId}`, signal) },
      { concurrency: saas6.leaderboard.concurrency },
    ),
    createWorker(
      queues.notifications,
      { "notification.push": ({ data, signal }) => run(`push to ${data.userId}`, signal) },
      { concurrency: saas6.notifications.concurrency },
    ),
    createWorker(
      queues.reports,
      {
        "report.build": async ({ data, signal }) => {
          await run(`report of ${data.rows} rows`, signal);
          return { pages: Math.ceil(data.rows / 50) };
        },
      },
      { concurrency: saas6.reports.concurrency },
    ),
    createWorker(
      queues.cacheWarming,
      { "cache.warm": ({ data, signal }) => run(`warm ${data.keys.length} keys`, signal) },
      { concurrency: saas6.cacheWarming.concurrency },
    ),
  ];
  return {
    async ready() {
      await Promise.all(workers.map((worker) => worker.ready()));
    },
    async drain(deadlineMs) {
      await Promise.all(workers.map((worker) => worker.drain({ deadlineMs })));
    },
  };
}
