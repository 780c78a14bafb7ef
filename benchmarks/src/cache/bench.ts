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

/** The parts that AsyncLocalStorage slows come first: once a process has used it, promises stay slow. */
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

/** Prefixes of the parts to run: `SCALE_BENCH_PARTS=hits,reads-1-50 npm run bench cache`. */
const wanted = process.env["SCALE_BENCH_PARTS"]?.split(",") ?? [""];

/** The cost of the cache's operations and its hit ratio, compared with other caches. */
export async function* cache({ smoke }: SectionOptions): AsyncIterable<Line> {
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.some((beginning) => name.startsWith(beginning))) yield* part(smoke);
  }
}
