import type { Clock } from "@scale/core";
import { memoryStore } from "../src/memory/store.js";
import type { RateLimitStore, Take, Taken } from "../src/types.js";

/** A store that takes as a test needs it, to make failures, and does nothing else. */
export function storeWith(
  take: (...args: Parameters<RateLimitStore["take"]>) => unknown,
  rest: Partial<RateLimitStore> = {},
): RateLimitStore {
  return {
    take: (question) => take(question) as Taken,
    give: () => undefined,
    reset: () => undefined,
    release: () => undefined,
    ...rest,
  };
}

/** A store that answers later, as one on another machine does, and the questions that it was asked. */
export function remoteStore(options: { clock?: Clock } = {}): { store: RateLimitStore; asked: Take[] } {
  const memory = memoryStore(options);
  const asked: Take[] = [];
  const store = {
    take: async (take: Take) => {
      asked.push(take);
      return memory.take(take);
    },
    give: async (...args: Parameters<RateLimitStore["give"]>) => memory.give(...args),
    reset: async (...args: Parameters<RateLimitStore["reset"]>) => memory.reset(...args),
    release: async (...args: Parameters<RateLimitStore["release"]>) => memory.release(...args),
  };
  return { store, asked };
}
