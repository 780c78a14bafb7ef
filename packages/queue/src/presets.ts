export type QueuePresetName = "email" | "cleanup" | "leaderboard" | "notifications" | "reports" | "cacheWarming";

export interface QueuePreset {
  /** Name of the queue. */
  readonly name: string;
  /** Jobs that one worker process runs at once. */
  readonly concurrency: number;
}

/**
 * Six queues to start from. Kinds of work that differ in speed or urgency have a queue each, so that one does not take the
 * workers of another; tenants share every queue. E-mails are sent ten at a time, and clean-up runs alone.
 */
export const saas6: Readonly<Record<QueuePresetName, QueuePreset>> = Object.freeze({
  email: { name: "email", concurrency: 10 },
  cleanup: { name: "cleanup", concurrency: 1 },
  leaderboard: { name: "leaderboard", concurrency: 5 },
  notifications: { name: "notifications", concurrency: 10 },
  reports: { name: "reports", concurrency: 2 },
  cacheWarming: { name: "cache-warming", concurrency: 2 },
});
