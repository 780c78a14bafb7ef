import { type BreakerOptions, parseBreakerOptions } from "./options.js";
import type { Breaker } from "./types.js";

/**
 * Creates the breaker of one dependency. It stops calling a dependency that fails, probes it after a while, and admits the
 * load again step by step. Create it once, not for each request.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const settings = parseBreakerOptions(options, "createBreaker");
  return settings.engine({ settings, key: undefined, hooks: undefined });
}
