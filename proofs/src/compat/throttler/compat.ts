import type { Line } from "@scale/testkit";
import { compare, versionOf } from "../compare.js";
import type { StoreKind } from "../stores.js";
import { guardBehaviors } from "./guard-behaviors.js";
import { playOurs, playTheirs } from "./stage.js";
import { storageBehaviors } from "./storage-behaviors.js";

/** @nestjs/throttler over its own storage, and over `throttlerStorage`. */
export async function* throttler(kind: StoreKind): AsyncIterable<Line> {
  const about = `compat: @nestjs/throttler ${versionOf("@nestjs/throttler")} over throttlerStorage on ${kind.name}`;
  yield* compare(about, [...storageBehaviors, ...guardBehaviors], { theirs: playTheirs, ours: playOurs(kind) });
}
