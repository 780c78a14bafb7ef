import type { Clock } from "@scale/core";
import { memoryStore } from "../src/memory/store.js";
import type { RateLimitStore, ConsumeRequest, ConsumeResult } from "../src/types.js";

/** A store with the given `consume`, for failures. Its other methods do nothing. */
export function storeWith(
  request: (...args: Parameters<RateLimitStore["consume"]>) => unknown,
  rest: Partial<RateLimitStore> = {},
): RateLimitStore {
  return {
    consume: (question) => request(question) as ConsumeResult,
    refund: () => undefined,
    reset: () => undefined,
    release: () => undefined,
    ...rest,
  };
}

/** A store that returns promises, as a remote store does, with a log of its requests. */
export function remoteStore(options: { clock?: Clock } = {}): { store: RateLimitStore; asked: ConsumeRequest[] } {
  const memory = memoryStore(options);
  const asked: ConsumeRequest[] = [];
  const store = {
    blocks: true,
    consume: async (request: ConsumeRequest) => {
      asked.push(request);
      return memory.consume(request);
    },
    refund: async (...args: Parameters<RateLimitStore["refund"]>) => memory.refund(...args),
    reset: async (...args: Parameters<RateLimitStore["reset"]>) => memory.reset(...args),
    release: async (...args: Parameters<RateLimitStore["release"]>) => memory.release(...args),
  };
  return { store, asked };
}
