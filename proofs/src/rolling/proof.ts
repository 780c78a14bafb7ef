import { findProgram, type Line, type SectionOptions } from "@scale/testkit";
import { idleGaps } from "./idle-gaps.js";
import { prepareInstances } from "./instance.js";
import { redisDown } from "./redis-down.js";
import { restarts } from "./restarts.js";

/** Does a client of a balancer notice idle connections, rolling restarts, or an outage of Redis? */
export async function* rolling({ smoke }: SectionOptions): AsyncIterable<Line> {
  const haproxy = findProgram("haproxy");
  if (haproxy.is === "missing") {
    // A short run shows that everything works, where everything is there.
    yield { proof: "rolling", value: 0, unit: haproxy.reason, bound: "none", pass: smoke };
    return;
  }
  const instances = await prepareInstances();
  try {
    yield* redisDown(haproxy.path, instances, smoke);
    yield* restarts(haproxy.path, instances, smoke);
    yield* idleGaps(haproxy.path, instances, smoke);
  } finally {
    await instances.close();
    await instances.remove();
  }
}
