import { setTimeout as sleep } from "node:timers/promises";
import type { ContactsCluster, PostgresNode } from "@scale/testkit";

interface Fault {
  begin(node: PostgresNode): Promise<void>;
  end(node: PostgresNode): Promise<void>;
}

const KILL: Fault = { begin: (node) => node.kill(), end: (node) => node.start() };
const FREEZE: Fault = { begin: async (node) => node.pause(), end: async (node) => node.resume() };
const REPLICA_FAULTS: readonly Fault[] = [
  KILL,
  FREEZE,
  { begin: (node) => node.pauseReplay(), end: (node) => node.resumeReplay() },
  { begin: (node) => node.setApplyDelay(300), end: (node) => node.setApplyDelay(0) },
];

export interface Faults {
  /** Number of faults that have begun. */
  readonly count: number;
  /** Resolves when the last fault is over and all replicas have caught up. */
  stop(): Promise<void>;
}

/** Faults of random replicas, or of the primary, one after another until `stop`. */
export function startFaults(cluster: ContactsCluster, random: () => number, of: "replicas" | "primary"): Faults {
  const stopping = new AbortController();
  let count = 0;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const node = of === "primary" ? cluster.primary : pick(cluster.replicas);
      const fault = of === "primary" ? pick([KILL, FREEZE]) : pick(REPLICA_FAULTS);
      count += 1;
      await fault.begin(node);
      await sleep(100 + random() * 900);
      await fault.end(node);
      await sleep(200 + random() * 600);
    }
    await cluster.caughtUp();
  }

  const running = run();
  return {
    get count() {
      return count;
    },
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
