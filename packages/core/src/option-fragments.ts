import { z } from "zod";
import { type Clock, isClock } from "./clock.js";
import { isRedisLike, type RedisLike } from "./redis/client.js";
import { parseDuration } from "./units.js";

// Option schemas that several packages share: the same wrong value gets the same message everywhere.

/** `clock`: add `.default(systemClock)` or `.optional()`. */
export const clockOption: z.ZodType<Clock> = z.custom<Clock>(isClock, "expected a clock with now and monotonic");

/** `redis`: an ioredis or node-redis client of the application. */
export const redisOption: z.ZodType<RedisLike> = z.custom<RedisLike>(
  isRedisLike,
  "expected an ioredis or node-redis client",
);

/** `timeoutMs`: the deadline of a call to a backend, 1 to 60,000 milliseconds. */
export const timeoutOption = (defaultMs: number): z.ZodDefault<z.ZodNumber> =>
  z.number().min(1).max(60_000).default(defaultMs);

/** `prefix`: the first part of every Redis key. */
export const prefixOption = (defaultPrefix: string): z.ZodDefault<z.ZodString> =>
  z.string().min(1).default(defaultPrefix);

/** A function of the application. `expected` completes the message "expected ...". */
export const functionOption = <F>(expected = "a function"): z.ZodType<F> =>
  z.custom<F>((value) => typeof value === "function", `expected ${expected}`);

/** An object of the application or of another package, told by one of its methods. `expected` completes "expected ...". */
export const methodOption = <T>(method: keyof T & string, expected: string): z.ZodType<T> =>
  z.custom<T>((value) => hasMethod(value, method), `expected ${expected}`);

export const hasMethod = (value: unknown, method: string): boolean =>
  typeof value === "object" && value !== null && method in value && typeof Reflect.get(value, method) === "function";

/** A duration such as `"15m"`, or milliseconds; parses to milliseconds. */
export const durationOption: z.ZodType<number> = z.unknown().transform((value, context) => {
  try {
    return parseDuration(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
