/**
 * Starts a lazy thenable here and now. The query builders of Drizzle, Knex and Prisma run when their `then` is called, in the
 * async context of that call: awaited later, they would run for another tenant, or for none.
 * @returns the value, or a promise of it
 */
export function startThenable<T>(value: T | PromiseLike<T>): T | Promise<T> {
  if (value instanceof Promise || !isPromiseLike(value)) return value;
  return new Promise((resolve, reject) => {
    // oxlint-disable-next-line promise/prefer-await-to-then -- `await` and `resolve` call it later
    value.then(resolve, reject);
  });
}

/** True for a promise, and for every other object with a `then`. */
export const isPromiseLike = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
