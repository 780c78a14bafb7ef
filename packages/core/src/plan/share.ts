/**
 * A share of `units`: 0.58 of 50 is 29. Exact for the decimal number that the plan file has: in floating point
 * 0.58 * 50 is a little below 29, and 0.8 * 35 a little above 28.
 * @param units integer >= 0
 * @param share number >= 0
 * @param rounding treatment of a fraction of a unit
 */
export function shareOf(units: number, share: number, rounding: "down" | "up"): number {
  // The shortest decimal number that reads as `share`: "5.8e-1".
  const [mantissa = "0", exponent = "0"] = share.toExponential().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const product = BigInt(units) * BigInt(whole + fraction);
  const decimals = fraction.length - Number(exponent);
  if (decimals <= 0) return Number(product * 10n ** BigInt(-decimals));
  const one = 10n ** BigInt(decimals);
  return Number((product + (rounding === "up" ? one - 1n : 0n)) / one);
}
