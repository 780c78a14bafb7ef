import { startRedis, waitUntil, watchCpuStarvation } from "@scale/testkit";
import { createDatabase, rowOf, sleep, startNode, untilServed } from "@scale/cache/scenarios";

export const STOPPED = { timeoutMs: 50, loadMs: 10 };
const EVERY_MS = 2;

export interface Stopped {
  /** Milliseconds of each read, without the time in which the machine did not run this process. */
  readonly times: readonly number[];
  /** Milliseconds from the end of the stop until one process reads from Redis a value that another one has loaded. */
  readonly recoveryMs: number;
}

/** Reads a cold key every two milliseconds while Redis is stopped, without waiting for earlier reads. */
export async function readWhileStopped(lengthMs: number): Promise<Stopped> {
  const server = await startRedis();
  const options = { prefix: "stopped", timeoutMs: STOPPED.timeoutMs, staleness: { bound: 500 } };
  const [node, other] = [startNode(server.url, options), startNode(server.url, options)];
  const database = createDatabase(() => STOPPED.loadMs / 2);
  const row = rowOf(node, database);
  const acme = node.cache.tenant("acme");
  const starvation = watchCpuStarvation(EVERY_MS);
  const reads: Promise<{ from: number; to: number }>[] = [];
  const read = async (id: string): Promise<{ from: number; to: number }> => {
    const from = performance.now();
    await acme.get(row, id);
    return { from, to: performance.now() };
  };
  try {
    await untilServed(node, other);
    // Warms up the JIT.
    for (let i = 0; i < 200; i++) await read(`before-${i}`);
    server.pause();
    const start = performance.now();
    for (let i = 0; performance.now() < start + lengthMs; i++) {
      starvation.tick();
      reads.push(read(`during-${i}`));
      await sleep(EVERY_MS);
    }
    starvation.tick();
    const all = await Promise.all(reads);
    const times = all.map(({ from, to }) => to - from - starvation.between(from, to));
    const recoveryMs = await recovery(
      () => server.resume(),
      async (i) => {
        await acme.get(row, `after-${i}`);
        const { source } = await other.cache.tenant("acme").getWithInfo(rowOf(other, database), `after-${i}`);
        return source === "store";
      },
    );
    return { times, recoveryMs };
  } finally {
    node.close();
    other.close();
    await server.stop();
  }
}

async function recovery(resume: () => void, isBack: (attempt: number) => Promise<boolean>): Promise<number> {
  resume();
  const from = performance.now();
  let attempt = 0;
  await waitUntil(() => isBack(attempt++), { what: "one process reads what the other has loaded", everyMs: 2 });
  return performance.now() - from;
}
