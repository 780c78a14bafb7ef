import { judge, type Line } from "@scale/testkit";
import { Redis } from "ioredis";
import { contenders } from "./contenders.js";
import { subjects } from "./subjects.js";

const CHECKS = 64;

/** How many commands does Redis get for 64 concurrent checks with three rules? */
export async function redisCalls(url: string): Promise<Line> {
  const field = await contenders(url, { rules: 3 });
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  const counts: number[] = [];
  for (const { decide } of field.slice(0, 2)) {
    const next = subjects(100);
    await decide(next());
    await redis.config("RESETSTAT");
    await Promise.all(Array.from({ length: CHECKS }, () => decide(next())));
    // Each EVALSHA is one call of a client. Redis counts the calls inside scripts under their own command names.
    counts.push(Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1]));
  }
  for (const { close } of field) close();
  redis.disconnect();
  const [ours = Number.NaN, peer = Number.NaN] = counts;
  return {
    bench: `rate-limit: calls to Redis for ${CHECKS} concurrent checks over 3 rules`,
    unit: "calls",
    ours,
    peer,
    against: field[1]?.name ?? "",
    ...judge(ours, { gate: { atMost: 3 } }),
  };
}
