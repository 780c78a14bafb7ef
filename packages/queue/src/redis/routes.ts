/** How a script of BullMQ runs in a fair queue. */
export interface Route {
  /** Number of its keys, as BullMQ declares it. */
  readonly keyCount: number;
  /** It takes the next job: the scheduler picks it. */
  readonly fetches?: true;
  /** Waiting jobs that it has to find in BullMQ's own list: "" none, "*" all, or the id of one. "?": it may free waiting ones. */
  readonly staged: (args: readonly unknown[]) => string;
  /** Prefix of the queue's keys, of the first key, for a script that flows call for other queues. */
  readonly prefixOf?: (key: string) => string;
}

const none = (): string => "";
const all = (): string => "*";
const idAt =
  (index: number) =>
  (args: readonly unknown[]): string =>
    String(args[index]);

const makesWait = (keyCount: number): Route => ({ keyCount, staged: none });
const ofAnyQueue = (keyCount: number): Route => ({
  ...makesWait(keyCount),
  prefixOf: (key) => key.slice(0, key.lastIndexOf(":") + 1),
});

const ROUTES: Readonly<Record<string, Route>> = {
  moveToActive: { keyCount: 11, fetches: true, staged: () => "active" },
  moveToFinished: { keyCount: 14, fetches: true, staged: () => "finished" },

  addStandardJob: ofAnyQueue(9),
  addPrioritizedJob: ofAnyQueue(9),
  addDelayedJob: ofAnyQueue(6),
  addParentJob: ofAnyQueue(6),

  moveToDelayed: makesWait(11),
  moveToWaitingChildren: makesWait(7),
  moveJobFromActiveToWait: makesWait(9),
  moveStalledJobsToWait: makesWait(9),
  moveJobsToWait: makesWait(8),
  retryJob: makesWait(11),
  reprocessJob: makesWait(9),
  promote: makesWait(9),
  updateJobScheduler: makesWait(12),
  removeChildDependency: makesWait(1),

  pause: { keyCount: 7, staged: () => "?" },
  addJobScheduler: { keyCount: 11, staged: all },
  changePriority: { keyCount: 7, staged: idAt(2) },
  removeJob: { keyCount: 2, staged: idAt(0) },
  removeUnprocessedChildren: { keyCount: 2, staged: all },
  cleanJobsInSet: { keyCount: 3, staged: all },
  drain: { keyCount: 5, staged: all },
  obliterate: { keyCount: 2, staged: all },
  removeOrphanedJobs: { keyCount: 1, staged: all },
};

/** BullMQ's scripts that make a job wait, fetch one, or look for waiting ones. The others run as they are. */
export const routes: ReadonlyMap<string, Route> = new Map(Object.entries(ROUTES));
