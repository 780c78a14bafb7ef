import type { Line, SectionOptions } from "@scale/testkit";
import { line } from "../../bound.js";
import { compare, versionOf } from "../compare.js";
import type { StoreKind } from "../stores.js";
import { behaviors } from "./behaviors.js";
import { randomCalls, SEED } from "./schedule.js";
import { playOurs, playTheirs } from "./stage.js";
import { storeBehaviors } from "./store-behaviors.js";

/** express-rate-limit over its own MemoryStore, and over `rateLimitStore`. */
export async function* expressRateLimit(kind: StoreKind, { smoke }: SectionOptions): AsyncIterable<Line> {
  const about = `compat: express-rate-limit ${versionOf("express-rate-limit")} over rateLimitStore on ${kind.name}`;
  const plays = { theirs: playTheirs, ours: playOurs(kind) };
  yield* compare(about, [...behaviors, ...storeBehaviors], plays);
  const calls = randomCalls(smoke ? 20 : 100);
  const [expected, got] = [await plays.theirs(calls), await plays.ours(calls)];
  yield line({
    proof: `${about}, ${calls.name} (seed ${SEED}), counts that differ`,
    unit: "counts",
    value: expected.filter((count, i) => count !== got[i]).length + Math.abs(got.length - expected.length),
    bound: { atMost: 0 },
  });
}
