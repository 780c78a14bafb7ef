import { ConfigError } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import type { GuardTable, ModuleRateLimit, RouteFlag, RouteRateLimit, RouteShed } from "./options.js";

/** Guards that the factories of the module create from the options of decorators: one for each decorator. */
export class DecoratorGuards {
  readonly #table: GuardTable;
  readonly #guards = new WeakMap<object, HttpGuard>();

  constructor(table: GuardTable) {
    this.#table = table;
  }

  /** @throws {ConfigError} without the option of the module, and for what its factory refuses */
  rateLimit(limit: RouteRateLimit): HttpGuard {
    return this.#once(limit, () => required(this.#table, "rateLimit", "@RateLimit")(limit as ModuleRateLimit));
  }

  /** Throws as `rateLimit` does. */
  shed(options: RouteShed): HttpGuard {
    return this.#once(options, () => required(this.#table, "shed", "@Shed")(options));
  }

  /** Throws as `rateLimit` does. */
  flag(flag: RouteFlag): HttpGuard {
    return this.#once(flag, () => {
      const create = required(this.#table, "requireFlag", "@RequireFlag");
      // A decorator does not know the flags: `flagGuard` checks key and value.
      return create(flag.key as never, { is: flag.is as never });
    });
  }

  #once(decorator: object, create: () => HttpGuard): HttpGuard {
    const known = this.#guards.get(decorator);
    if (known !== undefined) return known;
    const guard = create();
    this.#guards.set(decorator, guard);
    return guard;
  }
}

function required<K extends "rateLimit" | "shed" | "requireFlag">(
  table: GuardTable,
  option: K,
  decorator: string,
): NonNullable<GuardTable[K]> {
  const factory = table[option];
  if (factory === undefined) {
    throw new ConfigError(`${decorator}: expected the option ${option} of ScaleModule, got none`);
  }
  return factory;
}
