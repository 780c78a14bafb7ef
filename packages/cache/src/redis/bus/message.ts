import { z } from "zod";
import type { Invalidation } from "../../store.js";

const strings = z.array(z.string());
// Fields that a newer version adds are ignored.
const schema = z.object({
  from: z.string().optional(),
  tenantId: z.string(),
  keys: strings,
  tags: strings,
  all: z.boolean(),
});

/** A heartbeat: a message from a subscription to itself. */
interface Heartbeat {
  readonly heartbeatOf: string;
  /** When it was sent, by the monotonic clock of its process. */
  readonly atMs: number;
}

/** @param subscription id of the subscription, without spaces */
export const encodeHeartbeat = (subscription: string, atMs: number): string => `${BEAT}${subscription} ${atMs}`;

const BEAT = "beat ";

export function encodeInvalidation({ from, tenantId, keys, tags, all }: Invalidation): string {
  return JSON.stringify({ from, tenantId, keys, tags, all });
}

/** @returns `undefined` for a message of another program, or of a version that this one does not understand */
export function decodeMessage(text: string): Heartbeat | Invalidation | undefined {
  if (text.startsWith(BEAT)) {
    const [heartbeatOf = "", atMs] = text.slice(BEAT.length).split(" ");
    return { heartbeatOf, atMs: Number(atMs) };
  }
  try {
    const { from, ...invalidation } = schema.parse(JSON.parse(text));
    return from === undefined ? invalidation : { ...invalidation, from };
  } catch {
    // The listener treats it as a lost message, because it may have been an invalidation.
    return undefined;
  }
}
