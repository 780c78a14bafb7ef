import { type Line, type SectionOptions, startProcessPool, startRedis } from "@scale/testkit";
import { CONTENDERS } from "./contenders.js";
import type { Seen } from "./worker.js";

/** The bundle lies in dist, beside src. */
const script = new URL("../src/cache/matrix/worker.ts", import.meta.url);

/** Runs the races and faults of docs/guides/cache-races.md with each cache. Only our cache has a gate. */
export async function* cacheMatrix({ smoke }: SectionOptions): AsyncIterable<Line> {
  const redis = await startRedis();
  const size = smoke ? 1 : CONTENDERS.length;
  const parse = (reply: unknown): Seen => reply as Seen;
  const pool = await startProcessPool({ size, script, args: { url: redis.url }, parse });
  try {
    // Our cache runs alone, because its results have bounds of milliseconds.
    yield* lines(0, await pool.one(0, undefined));
    const peers = Array.from({ length: size - 1 }, async (_, i) => [i + 1, await pool.one(i + 1, undefined)] as const);
    for (const [index, seen] of await Promise.all(peers)) yield* lines(index, seen);
  } finally {
    await pool.close();
    await redis.stop();
  }
}

function* lines(index: number, { outcomes, uncaught }: Seen): Iterable<Line> {
  const contender = CONTENDERS[index]?.name ?? "";
  const isOurs = index === 0;
  const all = [
    ...outcomes,
    {
      row: "uncaught errors",
      outcome: uncaught.length === 0 ? "none" : uncaught.join("; "),
      isRight: uncaught.length === 0,
    },
  ];
  for (const { row, outcome, isRight } of all) {
    const gate = isOurs ? "right" : "none";
    yield { bench: `cache-matrix: ${row}`, contender, outcome, isRight, gate, goal: "none", pass: !isOurs || isRight };
  }
}
