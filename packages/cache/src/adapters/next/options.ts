import type { Clock, Duration } from "@scale/core";
import { clockOption } from "@scale/core/kit";
import { z } from "zod";
import { isTenantCache, maxTtlOption } from "../adapter-definition.js";
import type { TenantCache } from "../../tenant-cache.js";

export interface NextHandlerOptions {
  /** Whose entries they are. Next keeps pages and fetches for the whole application: `cache.shared`. */
  readonly tenant: TenantCache;
  /**
   * The longest time that an entry is kept, fresh or not. Next decides when it is fresh.
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
