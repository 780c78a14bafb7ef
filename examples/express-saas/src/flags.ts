import type { PlanResolver } from "@scale/core";
import { bool, createFlags, defineFlags, type Flags, type FlagSource, planNames } from "@scale/flags";

export interface CrmFlagsOptions {
  /** Live source of the rules: Redis, or the memory of this process. */
  readonly source: FlagSource;
  readonly plans: PlanResolver;
  /** True while Redis serves the cache, or no Redis is used. */
  readonly isRedisReady: () => boolean;
}

/** The flags of the CRM. Rules are changed with the admin routes. */
const definitions = defineFlags({
  /** Exports read every row of a tenant: the first load to shed in an incident. */
  exports: bool({ default: true }),
  /** Loads the cache of a tenant ahead when its first request arrives. */
  warming: bool({ default: true }),
});

export type CrmFlags = Flags<typeof definitions>;

export function createCrmFlags({ source, plans, isRedisReady }: CrmFlagsOptions): CrmFlags {
  return createFlags({
    flags: definitions,
    source,
    planOf: planNames(plans),
    degrade: {
      // Without Redis each process would load the same values from Postgres, when it has the most to do.
      warming: { when: () => !isRedisReady(), minDwell: "10s" },
    },
  });
}
