import { inRootContext } from "@scale/core/kit";
import type { CacheStore, Lease } from "../store.js";

/** Ticks of the timer within the life of a lease. A lease is renewed in its second tick. */
const TICKS_PER_LEASE = 4;

/**
 * Renews leases while their loads run, with one timer for all: most loads end long before a timer of their own would fire.
 * @returns `begin`, whose `onFailure` is called for every renewal that the store could not answer, and `end`; `endAll` returns the
 * leases whose loads still run
 */
export function createLeaseRenewer(store: CacheStore): {
  begin(lease: Lease, onFailure: (error: unknown) => void): void;
  end(lease: Lease): void;
  endAll(): readonly Lease[];
} {
  /** `tick` is the one in which the lease was taken or renewed. */
  const leases = new Map<Lease, { onFailure(error: unknown): void; tick: number; isRenewing: boolean }>();
  let timer: NodeJS.Timeout | undefined;
  let tick = 0;

  function arm(): void {
    if (timer === undefined) timer = inRootContext(() => setTimeout(onTick, store.leaseMs / TICKS_PER_LEASE));
    // A process must live until its loads are over, and be free to exit when it has none.
    else if (leases.size === 1) timer.ref();
  }

  function onTick(): void {
    timer = undefined;
    tick++;
    for (const [lease, state] of leases) if (tick > state.tick + 1 && !state.isRenewing) void renew(lease);
    if (leases.size > 0) arm();
  }

  async function renew(lease: Lease): Promise<void> {
    const state = leases.get(lease);
    if (state === undefined) return;
    state.isRenewing = true;
    try {
      // False: another process has the lease, or the entry was invalidated. There is nothing left to renew.
      if (!(await store.renew(lease))) leases.delete(lease);
    } catch (error) {
      state.onFailure(error);
    }
    state.isRenewing = false;
    state.tick = tick - 1;
  }

  return {
    begin(lease, onFailure) {
      leases.set(lease, { onFailure, tick, isRenewing: false });
      arm();
    },
    end(lease) {
      leases.delete(lease);
      if (leases.size === 0) timer?.unref();
    },
    endAll() {
      const running = [...leases.keys()];
      leases.clear();
      timer?.unref();
      return running;
    },
  };
}
