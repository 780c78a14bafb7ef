import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** The values that one flag can have. Made by `bool`, `int`, `oneOf` and `json`. */
export interface FlagDefinition<T = unknown> {
  readonly kind: "bool" | "int" | "oneOf" | "json";
  /** Value without a matching rule, and while no document of rules is known. */
  readonly default: T;
  /** Value while the flag is killed, and for denied tenants and users. */
  readonly off: T;
  /** Returns the value if the flag can have it. Throws otherwise. */
  parse(value: unknown): T;
}

/** Flags by key. The key appears in documents, events and explanations. */
export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

/** The value type of one flag. */
export type FlagValue<D extends FlagDefinitions, K extends keyof D> = D[K]["default"];

interface Defaults<T> {
  /** Value without a matching rule, and while no document of rules is known. */
  readonly default: T;
  /**
   * Value while the flag is killed, and for denied tenants and users.
   * @default `false` for `bool`, otherwise `default`
   */
  readonly off?: T;
}

/** A flag that is on or off. Its rules give `true` when they name no value. */
export function bool(options: Defaults<boolean>): FlagDefinition<boolean> {
  const parse = (value: unknown): boolean => {
    if (typeof value === "boolean") return value;
    throw new ConfigError(`expected true or false, got ${describeValue(value)}`);
  };
  return define("bool", { off: false, ...options }, parse);
}

/** A flag with an integer, such as a page size or a batch size. */
export function int(
  options: Defaults<number> & {
    /** Least value. @default -(2^53 - 1) */
    readonly min?: number;
    /** Greatest value. @default 2^53 - 1 */
    readonly max?: number;
  },
): FlagDefinition<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER, ...defaults } = options;
  const parse = (value: unknown): number => {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw new ConfigError(`expected an integer from ${min} to ${max}, got ${describeValue(value)}`);
  };
  return define("int", defaults, parse);
}

/** A flag with one of the listed strings. */
export function oneOf<const T extends string>(values: readonly T[], options: Defaults<NoInfer<T>>): FlagDefinition<T> {
  const parse = (value: unknown): T => {
    const known = values.find((each) => each === value);
    if (known !== undefined) return known;
    throw new ConfigError(
      `expected ${values.join(", ") || "a value, but none is listed"}, got ${describeValue(value)}`,
    );
  };
  return define("oneOf", options, parse);
}

/** A flag with a structured value. `schema` is a zod schema, or any object whose `parse` returns the value or throws. */
export function json<T>(schema: { parse(value: unknown): T }, options: Defaults<NoInfer<T>>): FlagDefinition<T> {
  return define("json", options, (value) => deepFreeze(schema.parse(value)));
}

/**
 * Defines all flags of an application in one place. Keys and value types follow from it at compile time.
 * @throws {ConfigError} for a key that is not a letter followed by up to 99 letters, digits, `.`, `_` or `-`
 */
export function defineFlags<const D extends FlagDefinitions>(definitions: D): D {
  for (const [key, definition] of Object.entries(definitions)) {
    if (!/^[A-Za-z][\w.-]{0,99}$/.test(key)) {
      throw new ConfigError(
        `defineFlags: expected a key such as newCheckout (a letter, then letters, digits, ".", "_" or "-"), got ${describeValue(key)}`,
      );
    }
    if (typeof definition?.parse !== "function") {
      throw new ConfigError(
        `defineFlags: ${key}: expected bool(), int(), oneOf() or json(), got ${describeValue(definition)}`,
      );
    }
  }
  return Object.freeze({ ...definitions });
}

function define<T>(
  kind: FlagDefinition["kind"],
  options: Defaults<T>,
  parse: (value: unknown) => T,
): FlagDefinition<T> {
  const check = (name: "default" | "off", value: unknown): T => {
    try {
      return parse(value);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(`${kind}: ${name}: ${problem}`, { cause });
    }
  };
  const fallback = check("default", options.default);
  return Object.freeze({
    kind,
    default: fallback,
    off: options.off === undefined ? fallback : check("off", options.off),
    parse,
  });
}

/** Every reader gets the same object: one that changed it would change it for all. */
function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) deepFreeze(each);
  }
  return value;
}
