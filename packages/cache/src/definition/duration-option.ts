import { parseDuration } from "@scale/core";
import { z } from "zod";

/** A duration as an option, in milliseconds. */
export const durationOption: z.ZodType<number> = z.unknown().transform((value, context) => {
  try {
    return parseDuration(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
