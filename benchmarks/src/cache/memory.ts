import type { Line, SectionOptions } from "@scale/testkit";
import { clears } from "./clear.js";
import { hitRatio } from "./hit-ratio.js";
import { neighbours } from "./neighbours.js";
import { speed } from "./speed.js";

/** What is kept in memory: which requests it answers, and what that costs. */
export async function* cacheMemory({ smoke }: SectionOptions): AsyncIterable<Line> {
  yield* hitRatio(smoke);
  yield* neighbours(smoke);
  yield* speed(smoke);
  yield* clears(smoke);
}
