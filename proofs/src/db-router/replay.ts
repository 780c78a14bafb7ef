import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresNode, seededRandom } from "@scale/testkit";
import { SEED } from "./stage.js";

/** Maximum time that replay runs, and that it is paused. */
const LONGEST_MS = 400;

/** Pauses and resumes the replay of each replica independently, for random times, until `end` is called. */
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
  // A failure is reported by `end`.
  all.catch(() => undefined);
  return {
    async end() {
      stop.abort();
      await all;
    },
  };
}
