import type { Clock } from "@scale/core";
import { memoryStore } from "../src/memory/store.js";
import type { RateLimitStore, ConsumeRequest, ConsumeResult } from "../src/types.js";

/** A store that takes as a test needs it, to make failures, and does nothing else. */
export function storeWith(
  take: (...args: Parameters<RateLimitStore["consume"]>) => unknown,
  rest: Partial<RateLimitStore> = {},
): RateLimitStore {
  return {
    consume: (question) => take(question) as ConsumeResult,
    refund: () => undefined,
    reset: () => undefined,
    release: () => undefined,
    ...rest,
  };
}

/** A store that answers later, as one on another machine does, and the questions that it was asked. */
export function remoteStore(options: { clock?: Clock } = {}): { store: RateLimitStore; asked: ConsumeRequest[] } {
  const memory = memoryStore(options);
  const asked: ConsumeRequest[] = [];
  const store = {
    consume: async (take: ConsumeRequest) => {
      asked.push(take);
      return memory.consume(take);
    },
    refund: async (...args: Parameters<RateLimitStore["refund"]>) => memory.refund(...args),
    reset: async (...args: Parameters<RateLimitStore["reset"]>) => memory.reset(...args),
    release: async (...args: Parameters<RateLimitStore["release"]>) => memory.release(...args),
  };
  return { store, asked };
}
