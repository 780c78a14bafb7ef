import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresNode, seededRandom } from "@scale/testkit";
import { SEED } from "./stage.js";

/** How long replay runs, and how long it is paused, at the most. */
const LONGEST_MS = 400;

/** Pauses and resumes the replay of each replica for random times, each for itself, until it is ended. */
export function disturbReplay(replicas: readonly PostgresNode[]): { end(): Promise<void> } {
  const stop = new AbortController();
  const disturb = async (replica: PostgresNode, i: number): Promise<void> => {
    const random = seededRandom(SEED + i);
    while (!stop.signal.aborted) {
      await replica.pauseReplay();
      await sleep(random() * LONGEST_MS);
      await replica.resumeReplay();
      await sleep(random() * LONGEST_MS);
    }
  };
  const all = Promise.all(replicas.map(disturb));
  // Whoever ends it hears of a failure.
  all.catch(() => undefined);
  return {
    async end() {
      stop.abort();
      await all;
    },
  };
}
