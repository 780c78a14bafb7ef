import type { Row } from "./peers/node.js";

/** About 200 bytes of JSON, the size of a row in a list. */
export const rowOf = (id: string): Row => ({
  id,
  customerId: "cus_01JD3Q8Z7W",
  total: 129_900,
  status: "paid",
  issuedAt: "2026-11-20T09:30:00.000Z",
  lines: [
    { sku: "plan-team-monthly", count: 12 },
    { sku: "seat-extra", count: 3 },
  ],
});

/** Throws for a wrong value, because a benchmark that reads wrong values measures nothing. */
export function check(value: unknown, id: string): void {
  if ((value as Row | undefined)?.id !== id) throw new Error(`read ${JSON.stringify(value)} for ${id}`);
}

/**
 * Ids as in applications: row numbers, UUIDs, names with a prefix, and one in ten an email address, whose characters a key must
 * escape.
 */
export function ids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const shape = i % 10;
    if (shape < 4) return String(10_000 + i);
    if (shape < 7)
      return `0192f${i.toString(16).padStart(3, "0")}-77aa-7cc3-98c4-dc0c0c${(i * 7919).toString(16).padStart(6, "0")}`;
    return shape < 9 ? `inv_2026_${i}` : `user.${i}@example.com`;
  });
}
