import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { StoredQueue } from "../store.js";
import { checkedIds, checkedLimit } from "./checks.js";
import type { StoreCalls } from "./store-calls.js";
import type { Dead, RedriveOptions } from "./types.js";

/** Jobs that one call of the store moves. */
const BATCH = 20;
const DEFAULT_MAX = 1000;

export function createDead(stored: StoredQueue, call: StoreCalls): Dead {
  return {
    list: async ({ tenantId, limit = 100, cursor } = {}) =>
      call({ operation: "list", ...(tenantId !== undefined && { tenantId }) }, () =>
        stored.list({
          state: "dead",
          limit: checkedLimit(limit),
          ...(tenantId !== undefined && { tenantId }),
          ...(cursor !== undefined && { cursor }),
        }),
      ),
    redrive: (options = {}) => redrive(stored, call, options),
  };
}

async function redrive(stored: StoredQueue, call: StoreCalls, options: RedriveOptions): Promise<number> {
  const { ids, tenantId, job: name, max = DEFAULT_MAX, ratePerSec, signal } = options;
  checkCount("max", max);
  if (ratePerSec !== undefined) checkCount("ratePerSec", ratePerSec);
  const { clock } = stored;
  const query = {
    diedBeforeMs: clock.now(),
    ...(ids !== undefined && { ids: checkedIds(ids) }),
    ...(tenantId !== undefined && { tenantId }),
    ...(name !== undefined && { name }),
  };
  // Ten batches a second at most, so that a low rate is not a burst each second.
  const batch = Math.min(BATCH, ratePerSec === undefined ? BATCH : Math.max(1, Math.floor(ratePerSec / 10)));
  const pauseMs = ratePerSec === undefined ? 0 : (batch / ratePerSec) * 1000;
  let moved = 0;
  for (let cursor: string | undefined; moved < max; ) {
    if (signal?.aborted === true) break;
    const part = { ...query, max: Math.min(batch, max - moved), ...(cursor !== undefined && { cursor }) };
    const operation = { operation: "redrive", ...(tenantId !== undefined && { tenantId }) };
    const result = await call(operation, () => stored.redrive(part));
    moved += result.moved;
    cursor = result.cursor;
    if (cursor === undefined) break;
    if (pauseMs > 0 && moved < max) await new Promise<void>((resolve) => void clock.setTimer(resolve, pauseMs, KEEP));
  }
  return moved;
}

const KEEP = { keepAlive: true } as const;

function checkCount(option: string, value: unknown): void {
  if (Number.isSafeInteger(value) && Number(value) >= 1) return;
  throw new InputError(`redrive: ${option}: expected an integer >= 1, got ${describeValue(value)}`);
}
