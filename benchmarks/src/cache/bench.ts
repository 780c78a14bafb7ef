import type { Line, SectionOptions } from "@scale/testkit";
import { clears } from "./clear.js";
import { ends } from "./invalidate-many.js";
import { fills } from "./fills.js";
import { hitRatio } from "./hit-ratio.js";
import { hits } from "./memory-hit.js";
import { neighbours } from "./neighbours.js";
import { peeks } from "./has-and-find.js";
import { reads } from "./reads.js";
import { speed } from "./policy-speed.js";

/** First those that measure what AsyncLocalStorage would slow: once it was used in a process, it stays slow. */
const PARTS: Readonly<Record<string, (smoke: boolean) => AsyncIterable<Line> | Iterable<Line>>> = {
  hits,
  peeks,
  ...reads,
  fills,
  ends,
  "hit-ratio": hitRatio,
  neighbours,
  speed,
  clears,
};

/** Of the parts above only those whose names begin so: `SCALE_BENCH_PARTS=hits,reads-1-50 npm run bench cache`. */
const wanted = process.env["SCALE_BENCH_PARTS"]?.split(",") ?? [""];

/** What does a cache cost, and what does it keep, beside its peers? */
export async function* cache({ smoke }: SectionOptions): AsyncIterable<Line> {
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.some((beginning) => name.startsWith(beginning))) yield* part(smoke);
  }
}
