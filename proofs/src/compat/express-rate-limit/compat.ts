import type { Line, SectionOptions } from "@scale/testkit";
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
  yield* compare(`${about}, ${calls.name} (seed ${SEED})`, [calls], plays);
}
