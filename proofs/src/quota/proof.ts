import type { Line, SectionOptions } from "@scale/testkit";
import { rows } from "./rows.js";
import { usage } from "./usage.js";

/** Are quotas exact, under load and through crashes? */
export async function* quota(options: SectionOptions): AsyncIterable<Line> {
  yield* rows(options);
  yield* usage(options);
}
