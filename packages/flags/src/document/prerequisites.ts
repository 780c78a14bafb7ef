import { InputError } from "@scale/core";
import type { FlagDefinitions } from "../define.js";
import type { FlagSettings } from "./settings.js";

/** Flags that one evaluation may have to evaluate before its own: bounds the time of an evaluation. */
const MAX_EVALUATIONS = 50;

/**
 * Orders the keys of all defined flags so that each comes after the flags it requires.
 * @throws {InputError} for a circle, and for a flag whose evaluation would evaluate more than 50 others
 */
export function prerequisiteOrder(
  definitions: FlagDefinitions,
  settings: ReadonlyMap<string, FlagSettings>,
): readonly string[] {
  const order: string[] = [];
  // Evaluations that one flag costs, its own included; 0 while its prerequisites are visited.
  const costs = new Map<string, number>();

  function visit(key: string, path: readonly string[]): number {
    const known = costs.get(key);
    if (known === 0) throw new InputError(`flag ${key}: requires itself through ${[...path, key].join(", ")}`);
    if (known !== undefined) return known;
    costs.set(key, 0);
    const requires = settings.get(key)?.requires ?? [];
    const cost = requires.reduce((sum, { flag }) => sum + visitRequired(flag, [...path, key]), 1);
    if (cost > MAX_EVALUATIONS) {
      throw new InputError(`flag ${key}: expected at most ${MAX_EVALUATIONS} flags that it depends on, got ${cost}`);
    }
    costs.set(key, cost);
    order.push(key);
    return cost;
  }

  const visitRequired = (flag: string, path: readonly string[]): number =>
    Object.hasOwn(definitions, flag) ? visit(flag, path) : 1;

  for (const key of Object.keys(definitions)) visit(key, []);
  return order;
}
