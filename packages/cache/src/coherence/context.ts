import type { AsyncResource } from "node:async_hooks";
import type { Clock } from "@scale/core";
import type { AdHoc } from "../definition/inline-definition.js";
import type { Journal } from "./retry-queue.js";
import type { Renewals } from "./lease-renewal.js";
import type { CacheStore } from "../store.js";
import type { Trust } from "./staleness-bound.js";

/** What all tenants of a cache have in common. */
export interface Engine {
  readonly store: CacheStore | undefined;
  /** Only with a store. */
  readonly journal: Journal | undefined;
  /** Only with a store. */
  readonly renewals: Renewals | undefined;
  readonly trust: Trust;
  readonly clock: Clock;
  /** The time of this turn, for hits in memory. */
  readonly turn: () => number;
  readonly random: () => number;
  /** Where loads run: not in the context of the one reader who happens to be the first. */
  readonly context: AsyncResource;
  readonly adHoc: AdHoc;
}
