import { AsyncLocalStorage } from "node:async_hooks";
import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { FlagDefinitions } from "./define.js";
import { verdict } from "./document/compile.js";
import type { Verdict } from "./document/compiled.js";

/** Values that one request sets for itself. They follow the awaits of the work that set them, and no other request sees them. */
export interface Overrides {
  find(key: string): Verdict | undefined;
  /** @throws {InputError} for an unknown flag, or a value that it cannot have */
  run<T>(values: Readonly<Record<string, unknown>>, work: () => T): T;
}

export function createOverrides(definitions: FlagDefinitions): Overrides {
  const storage = new AsyncLocalStorage<ReadonlyMap<string, Verdict>>();
  // Until the first override, evaluations do not pay for the look-up.
  let isUsed = false;
  return {
    find: (key) => (isUsed ? storage.getStore()?.get(key) : undefined),
    run(values, work) {
      const own = new Map(storage.getStore());
      for (const [key, value] of Object.entries(values)) {
        if (value !== undefined) own.set(key, verdict(parseValue(definitions, key, value), "OVERRIDE"));
      }
      isUsed = true;
      return storage.run(own, work);
    },
  };
}

function parseValue(definitions: FlagDefinitions, key: string, value: unknown): unknown {
  const definition = Object.hasOwn(definitions, key) ? definitions[key] : undefined;
  if (definition === undefined) throw new InputError(`override: expected a defined flag, got ${describeValue(key)}`);
  try {
    return definition.parse(value);
  } catch (cause) {
    throw new InputError(`override: ${key}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
