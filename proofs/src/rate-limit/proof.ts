import type { Line, SectionOptions } from "@scale/testkit";
import { bounds } from "./bounds.js";
import { cluster, counts, faults } from "./faults.js";
import { memory } from "./memory.js";
import { race } from "./race.js";

/** Do rate limits hold against adversaries, races, failing servers and ids that never come back? */
export async function* rateLimit(options: SectionOptions): AsyncIterable<Line> {
  yield* bounds(options);
  yield* race(options);
  yield* faults(options);
  yield* counts(options);
  yield* cluster(options);
  yield* memory(options);
}
