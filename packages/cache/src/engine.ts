import type { AsyncResource } from "node:async_hooks";
import type { Clock } from "@scale/core";
import type { AdHoc } from "./ad-hoc.js";
import type { Journal } from "./journal.js";
import type { Renewals } from "./renewals.js";
import type { CacheStore } from "./store.js";
import type { Trust } from "./trust.js";

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
