import type { RateLimitBlock } from "@scale/core";
import type { MutableState } from "./algorithm.js";

/**
 * The block of a rule and subject, as fail2ban's incremental bans: the first denial starts a window, and enough denials in it
 * start a block. Each further block is longer, until the subject stays unblocked for as long as the last block lasted.
 *
 * The state is `[until, length, denials, since]` in microseconds: when the block ends, how long the last block was, and the
 * denials since the first one that counts. `redis/consume.lua` has these functions in Lua.
 */
export function blockAt(stored: MutableState | undefined, now: number, window: number): MutableState {
  const [until = 0, length = 0, denials = 0, since = 0] = stored ?? [];
  // An end further away than the block is long: the clock was set back.
  const ends = Math.min(until, now + length);
  const isCounting = since <= now && now < since + window;
  return [ends, now < ends + Math.max(length, window) ? length : 0, isCounting ? denials : 0, isCounting ? since : 0];
}

/** Microseconds until the block ends; 0 without one. */
export const blockedUs = ([until = 0]: MutableState, now: number): number => Math.max(0, until - now);

/** Counts a denial, which may begin a block. */
export function countDenial(state: MutableState, now: number, block: RateLimitBlock): void {
  const [, length = 0, denials = 0, since = 0] = state;
  state[2] = denials + 1;
  state[3] = denials === 0 ? now : since;
  if (denials + 1 < block.afterDenials) return;
  const next = length === 0 ? block.durationMs * 1000 : Math.min(length * block.factor, block.maxMs * 1000);
  state[0] = now + next;
  state[1] = next;
  state[2] = 0;
  state[3] = 0;
}

/** True while the state changes what later requests get. */
export const isRemembered = (
  [until = 0, length = 0, , since = 0]: MutableState,
  now: number,
  window: number,
): boolean => now < until + Math.max(length, window) || now < since + window;
