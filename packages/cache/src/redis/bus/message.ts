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

/** @param from the store that sends it */
export function encodeInvalidation(from: string, { tenantId, keys, tags, all }: Invalidation): string {
  return JSON.stringify({ from, tenantId, keys, tags, all });
}

/** @returns `undefined` for what is no invalidation: somebody else uses the channel, or another version of us */
export function decodeInvalidation(text: string): (Invalidation & { readonly from: string }) | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    // The one who listens treats it as a loss: it may have been meant for us.
    return undefined;
  }
}
