import { ConfigError } from "./errors.js";
import { describeValue } from "./describe-value.js";

/** Milliseconds, or a number with a unit: `"250ms"`, `"1.5s"`, `"15m"`, `"2h"`, `"30d"`, `"1w"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

/** Bytes, or a number with a unit of 1,024: `"512B"`, `"64KiB"`, `"10MiB"`, `"1.5GiB"`. */
export type Bytes = number | `${number}${"B" | "KiB" | "MiB" | "GiB" | "TiB"}`;

const MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/**
 * @returns milliseconds
 * @throws {ConfigError} for anything else, zero and negative durations included
 */
export function parseDuration(value: unknown): number {
  return parseQuantity(value, MS, 'a duration such as 500 (ms), "30s" or "15m"');
}

/**
 * @returns bytes, an integer >= 1
 * @throws {ConfigError} for anything else, zero and negative sizes included
 */
export function parseBytes(value: unknown): number {
  return Math.floor(parseQuantity(value, BYTES, 'a size such as 1024 (bytes), "64KiB" or "10MiB"'));
}

function parseQuantity(value: unknown, units: Readonly<Record<string, number>>, expected: string): number {
  const amount = typeof value === "string" ? fromString(value, units) : value;
  if (typeof amount === "number" && amount > 0 && amount <= Number.MAX_SAFE_INTEGER) return amount;
  throw new ConfigError(`expected ${expected}, got ${describeValue(value)}`);
}

function fromString(text: string, units: Readonly<Record<string, number>>): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text);
  const unit = match?.[2];
  if (unit === undefined || !Object.hasOwn(units, unit)) return Number.NaN;
  return Number(match?.[1]) * (units[unit] ?? Number.NaN);
}
