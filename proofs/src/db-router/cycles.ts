import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "@scale/testkit";
import type { Contender } from "./contenders.js";
import { POLL_MS, SEED } from "./stage.js";
import { nextVersion } from "./statements.js";

/** Each writer has its own row, so it reads what it has written itself. */
const WRITERS = 50;
/** Maximum delay of the second read after the write. */
export const LATER_MS: number = 4 * POLL_MS;

export interface Cycles {
  readonly cycles: number;
  readonly reads: number;
  readonly stale: number;
}

/** Writes a row, reads it at once, and reads it again after a random delay, when a replica may have it. */
export async function writeAndRead(contender: Contender, cycles: number): Promise<Cycles> {
  const { read, session, write } = contender;
  let [reads, stale] = [0, 0];
  async function check(id: number, version: number): Promise<void> {
    reads += 1;
    // Not "less than": a missing row is stale too.
    if (!((await read(id)) >= version)) stale += 1;
  }
  async function cycle(id: number, version: number, pauseMs: number): Promise<void> {
    await write(id, version);
    await check(id, version);
    await sleep(pauseMs);
    await check(id, version);
  }
  await inParallel(cycles, (id, version, random) => session(() => cycle(id, version, random() * LATER_MS)));
  return { cycles, reads, stale };
}

/** Runs `cycles` cycles in total, on parallel writers that run one at a time. */
export async function inParallel(
  cycles: number,
  one: (id: number, version: number, random: () => number) => Promise<void>,
): Promise<void> {
  let begun = 0;
  const writer = async (_: unknown, i: number): Promise<void> => {
    const random = seededRandom(SEED + 1_000 + i);
    while (begun++ < cycles) await one(i + 1, nextVersion(), random);
  };
  await Promise.all(Array.from({ length: Math.min(WRITERS, cycles) }, writer));
}
