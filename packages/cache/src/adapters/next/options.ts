import type { Clock, Duration } from "@scale/core";
import { clockOption } from "@scale/core/kit";
import { z } from "zod";
import { isTenantCache, maxTtlOption } from "../adapter-definition.js";
import type { TenantCache } from "../../tenant-cache.js";

export interface NextHandlerOptions {
  /** Cache of the entries. Next stores pages and fetches for the whole application, so use `cache.shared`. */
  readonly tenant: TenantCache;
  /**
   * Longest lifetime of an entry, fresh or not. Next decides whether it is fresh.
   * @default "30d"
   */
  readonly keep?: Duration;
  /** For tests. */
  readonly clock?: Clock;
}

export const handlerOptions: z.ZodObject<
  {
    tenant: z.ZodType<TenantCache>;
    keep: z.ZodType<number>;
    clock: z.ZodOptional<z.ZodType<Clock>>;
  },
  z.core.$strict
> = z.strictObject({
  tenant: z.custom<TenantCache>(isTenantCache, "expected cache.shared or cache.tenant(id)"),
  keep: maxTtlOption,
  clock: clockOption.optional(),
});
