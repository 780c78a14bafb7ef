import { ServerError } from "./server-error.js";

export interface WaitOptions {
  /** Names what is waited for in the error. */
  what: string;
  /** @default 10000 */
  timeoutMs?: number;
  /** Pause between two checks. @default 10 */
  everyMs?: number;
}

/** Resolves after `ms`. The timer is held: a program that waits for a server must not end meanwhile. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * Asks until the answer is true. A check that rejects counts as "not yet"; the last rejection is the cause of the timeout.
 * A check that never settles holds the wait for ever: give it a deadline of its own.
 * @throws {ServerError} after `timeoutMs`
 */
export async function waitUntil(check: () => boolean | Promise<boolean>, options: WaitOptions): Promise<void> {
  const { what, timeoutMs = 10_000, everyMs = 10 } = options;
  const until = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      if (await check()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= until) throw new ServerError(`${what}: not within ${timeoutMs} ms`, { cause });
    await sleep(everyMs);
  }
}
