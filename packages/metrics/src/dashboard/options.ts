import { type Clock, systemClock } from "@scale/core";
import { clockOption, functionOption } from "@scale/core/kit";
import { z } from "zod";
import type { TabData } from "./types.js";

export interface MetricsSourceOptions {
  /** Function that returns the plan of a tenant, shown beside it. Called for each shown tenant, once a second. */
  readonly planOf?: (tenantId: string) => string | undefined;
  /** Tenants that the page lists, the busiest ones. Up to ten that are refused, fail or are slow come on top. @default 50 */
  readonly tenants?: number;
  /** Function that returns what is added to the page of one tenant. */
  readonly tenantDetails?: (tenantId: string) => TabData | Promise<TabData>;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

export interface ParsedSourceOptions {
  readonly planOf: (tenantId: string) => string | undefined;
  readonly tenants: number;
  readonly tenantDetails: (tenantId: string) => TabData | Promise<TabData>;
  readonly clock: Clock;
}

export const sourceOptionsSchema: z.ZodType<ParsedSourceOptions> = z.strictObject({
  planOf: functionOption<ParsedSourceOptions["planOf"]>().default(() => () => undefined),
  tenants: z.int().min(1).max(1000).default(50),
  tenantDetails: functionOption<ParsedSourceOptions["tenantDetails"]>().default(() => () => ({})),
  clock: clockOption.default(systemClock),
});
