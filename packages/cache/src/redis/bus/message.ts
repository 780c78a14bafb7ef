import { z } from "zod";
import type { Invalidation } from "../../store.js";

const strings = z.array(z.string());
const schema = z.strictObject({
  from: z.string(),
  tenantId: z.string(),
  keys: strings,
  tags: strings,
  all: z.boolean(),
});

/** @param from id of the store that sends it */
export function encodeInvalidation(from: string, { tenantId, keys, tags, all }: Invalidation): string {
  return JSON.stringify({ from, tenantId, keys, tags, all });
}

/** @returns `undefined` if the message is not an invalidation: another program or another version uses the channel */
export function decodeInvalidation(text: string): (Invalidation & { readonly from: string }) | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    // The listener treats it as a lost message, because it may have been an invalidation.
    return undefined;
  }
}
