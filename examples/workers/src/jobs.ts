import { defineJobs, job } from "@scale/queue";
import { z } from "zod";

/**
 * The jobs of the six queues of `saas6`. Producers import this file too: it opens no connection.
 * Kinds of work that differ in speed have a queue each; all tenants share every queue.
 */
export const jobs = {
  email: defineJobs({
    "email.send": job({
      input: z.object({ to: z.email(), subject: z.string(), messageId: z.string() }),
      attempts: 5,
      backoff: { kind: "exponential", base: "1s", max: "5m" },
      timeout: "30s",
      idempotencyKey: ({ messageId }) => messageId,
    }),
  }),
  cleanup: defineJobs({
    "sessions.expire": job({ input: z.object({ olderThanDays: z.int().min(1) }), attempts: 1, timeout: "10m" }),
  }),
  leaderboard: defineJobs({
    "leaderboard.update": job({ input: z.object({ contestId: z.string() }), timeout: "1m" }),
  }),
  notifications: defineJobs({
    "notification.push": job({ input: z.object({ userId: z.string(), text: z.string() }), deadline: "1h" }),
  }),
  reports: defineJobs({
    "report.build": job({
      input: z.object({ rows: z.int().min(0) }),
      output: z.object({ pages: z.int() }),
      cost: ({ rows }) => Math.max(1, rows / 1000),
      timeout: "10m",
    }),
  }),
  cacheWarming: defineJobs({
    "cache.warm": job({ input: z.object({ keys: z.array(z.string()).max(1000) }), priority: "low", timeout: "5m" }),
  }),
};
