import type { ParsedDefinition } from "./definition.js";

/**
 * Returns how long a value that was loaded now is fresh and usable.
 * @param ttlMs the ttl that the loader set for this value
 * @param random from [0, 1)
 */
export function lifetimeOf(
  times: ParsedDefinition["times"],
  value: unknown,
  { ttlMs, random }: { readonly ttlMs?: number | undefined; readonly random: number },
): { readonly freshMs: number; readonly usableMs: number } {
  const isNothing = value === undefined || value === null;
  const ownMs = ttlMs ?? (isNothing ? times.negativeTtlMs : times.ttlMs);
  const freshMs = Math.max(1, Math.ceil(ownMs * (1 - times.jitter * random)));
  // A missing row is not served stale: it may exist by now.
  return { freshMs, usableMs: isNothing ? freshMs : freshMs + Math.max(times.staleWhileRevalidateMs, times.graceMs) };
}

/**
 * Decides whether a fresh value should be loaded again already (XFetch). The shorter its remaining time and the longer its
 * load, the likelier, so that about one of many processes reloads it in time.
 * Source: Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015.
 * @param random from [0, 1)
 */
export function shouldRefreshEarly(
  leftMs: number,
  loadMs: number,
  { beta, random }: { readonly beta: number; readonly random: number },
): boolean {
  return -loadMs * beta * Math.log(1 - random) >= leftMs;
}
