import { inRootContext } from "@scale/core/kit";
import type { CacheStore, Lease } from "../store.js";

const RETRY_MS = 250;
/** Further leases are left to expire. */
const MAX_LEASES = 10_000;

/**
 * Gives back leases that their holder does not fill: while one is there, the readers of all processes wait for it.
 * @returns `add` releases a lease; while the store does not answer, the release is repeated until it does, and `onFailure` is
 * called once, when the first attempt fails; `close` repeats no release, and resolves when those that were sent have an answer
 */
export function createLeaseReturns(store: CacheStore): {
  add(lease: Lease, onFailure?: (error: unknown) => void): void;
  close(): Promise<unknown>;
} {
  const open = new Set<Lease>();
  const sent = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function arm(): void {
    // Does not keep the process alive: after its end the leases expire.
    if (!isClosed) timer ??= inRootContext(() => setTimeout(() => void retry(), RETRY_MS).unref());
  }

  async function retry(): Promise<void> {
    for (const lease of open) {
      try {
        await store.release(lease);
        open.delete(lease);
      } catch {
        break; // It would be the same for the others. The first failure of each was reported.
      }
    }
    timer = undefined;
    if (open.size > 0) arm();
  }

  return {
    add(lease, onFailure) {
      const release = store
        .release(lease)
        .catch((error: unknown) => {
          onFailure?.(error);
          if (open.size < MAX_LEASES) open.add(lease);
          arm();
        })
        .finally(() => sent.delete(release));
      sent.add(release);
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      return Promise.all(sent);
    },
  };
}
