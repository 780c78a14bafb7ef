const LONGEST_MS = 600_000;

/**
 * Time until the next run while earlier ones never settled, in milliseconds. A client without a timeout of its own may hold
 * a connection for each: the pause doubles with every one, so that a dependency that hangs for a day collects some hundred.
 */
export const hungPauseMs = (everyMs: number, hung: number): number =>
  hung === 0 ? everyMs : Math.max(everyMs, Math.min(everyMs * 2 ** hung, LONGEST_MS));
