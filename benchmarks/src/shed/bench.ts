import type { Line, SectionOptions } from "@scale/testkit";
import { decisions } from "./decisions.js";
import { memory } from "./memory.js";
import { requests } from "./requests.js";

/** What does admission cost a request that is served, and one that is refused, and what does it hold for each tenant? */
export async function* shed(options: SectionOptions): AsyncIterable<Line> {
  yield* decisions(options);
  yield* requests(options);
  yield* memory(options);
}
