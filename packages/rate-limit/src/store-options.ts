import { z } from "zod";
import type { RateLimitStore } from "./types.js";

/** The name of what counts in a store. */
export const nameSchema: z.ZodString = z
  .string()
  .regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, dots and dashes");

export const storeSchema: z.ZodType<RateLimitStore> = z.custom<RateLimitStore>(
  (value) => typeof value === "object" && value !== null && "consume" in value && typeof value.consume === "function",
  "expected a store with a consume method",
);
