import { Call } from "../call.js";
import type { Policy } from "../types.js";

const passThrough: Policy = { run: async (action, input) => action(Call.from(input)) };

/**
 * Nests policies to one: the first is the outermost. `compose(retry(…), breaker, timeout(…))` retries calls that a breaker
 * admits, each with a timeout of its own.
 */
export function compose(...policies: readonly Policy[]): Policy {
  return policies.reduceRight<Policy | undefined>((inner, outer) => around(outer, inner), undefined) ?? passThrough;
}

function around(outer: Policy, inner: Policy | undefined): Policy {
  if (inner === undefined) return outer;
  return { run: (action, input) => outer.run((call) => inner.run(action, call), input) };
}
