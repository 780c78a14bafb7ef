/** A count below 0 has credits that are not used up: they are room above the plan's, and no use is negative. */
export function withCredit({ max, used }: { readonly max: number; readonly used: number }): {
  readonly max: number;
  readonly used: number;
  readonly credit: number;
} {
  const credit = Math.max(0, -used);
  return { max: max + credit, used: Math.max(0, used), credit };
}
