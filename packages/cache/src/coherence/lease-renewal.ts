import type { CacheStore, Lease } from "../store.js";

/** Keeps leases for as long as the loads take that they are for. */
export interface Renewals {
  /** @param failed told of every renewal that the store could not answer */
  begin(lease: Lease, failed: (error: unknown) => void): void;
  end(lease: Lease): void;
}

interface Held {
  readonly failed: (error: unknown) => void;
  /** The turn in which it was taken or renewed. */
  turn: number;
  isUnderWay: boolean;
}

/** How often in the life of a lease it is looked at; one that is looked at for the second time is renewed. */
const TURNS = 4;

/** One timer for all leases, because most loads are over long before one of their own would be due. */
export function createRenewals(store: CacheStore): Renewals {
  const all = new Map<Lease, Held>();
  let timer: NodeJS.Timeout | undefined;
  let turn = 0;

  function arm(): void {
    if (timer === undefined) timer = setTimeout(next, store.leaseMs / TURNS);
    // A process that loads must live until it has loaded, and one that does not must be free to end.
    else if (all.size === 1) timer.ref();
  }

  function next(): void {
    timer = undefined;
    turn++;
    for (const [lease, held] of all) if (turn > held.turn + 1 && !held.isUnderWay) void renew(lease, held);
    if (all.size > 0) arm();
  }

  async function renew(lease: Lease, held: Held): Promise<void> {
    held.isUnderWay = true;
    try {
      // Somebody else has it, or it was invalidated: there is nothing left to keep.
      if (!(await store.renew(lease))) all.delete(lease);
    } catch (error) {
      held.failed(error);
    }
    held.isUnderWay = false;
    held.turn = turn - 1;
  }

  return {
    begin(lease, failed) {
      all.set(lease, { failed, turn, isUnderWay: false });
      arm();
    },
    end(lease) {
      all.delete(lease);
      if (all.size === 0) timer?.unref();
    },
  };
}
