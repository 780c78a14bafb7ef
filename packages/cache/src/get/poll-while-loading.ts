import { setTimeout as sleep } from "node:timers/promises";

const FIRST_PAUSE_MS = 8;
const MAX_PAUSE_MS = 60;

/**
 * Waits between two polls of an entry that another process is loading: exponential back-off with jitter, so that the
 * waiting processes do not read in step.
 * @param attempt number of polls so far, an integer >= 0
 */
export async function pauseBetweenPolls(attempt: number, random: () => number): Promise<void> {
  const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  await sleep(ms * (0.5 + random()));
}
