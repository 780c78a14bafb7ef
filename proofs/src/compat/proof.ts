import type { Line, SectionOptions } from "@scale/testkit";
import { expressRateLimit } from "./express-rate-limit/compat.js";
import { withStores } from "./stores.js";
import { throttler } from "./throttler/compat.js";

/** Do express-rate-limit and @nestjs/throttler behave over our stores as over their own? */
export async function* compat(options: SectionOptions): AsyncIterable<Line> {
  yield* withStores(options, async function* (kind) {
    yield* expressRateLimit(kind, options);
    yield* throttler(kind);
  });
}
