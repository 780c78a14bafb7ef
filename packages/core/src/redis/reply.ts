const INTEGER = /^-?\d{1,19}$/;

/**
 * The integers of a script's reply; `undefined` for a reply of anything else. A client may return integers as strings, as
 * ioredis does with `stringNumbers: true`.
 */
export function integersOf(reply: unknown): readonly number[] | undefined {
  if (!Array.isArray(reply)) return undefined;
  for (let i = 0; i < reply.length; i++) if (typeof reply[i] !== "number") return fromStrings(reply);
  return reply;
}

function fromStrings(reply: readonly unknown[]): readonly number[] | undefined {
  const isInteger = (value: unknown): boolean =>
    typeof value === "number" || (typeof value === "string" && INTEGER.test(value));
  return reply.every(isInteger) ? reply.map(Number) : undefined;
}
