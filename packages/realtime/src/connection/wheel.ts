import { inRootContext } from "@scale/core/kit";

/** One timer for all connections. It visits a part of them at each tick, so that heartbeats are spread over the interval. */
export interface Wheel<T> {
  add(item: T): void;
  remove(item: T): void;
  stop(): void;
}

export interface WheelOptions<T> {
  /** Interval in which each item is visited once. */
  readonly intervalMs: number;
  readonly visit: (items: ReadonlySet<T>) => void;
  /** Called at every tick, after the visits. */
  readonly onTick: () => void;
}

const MAX_TICK_MS = 1000;
const MIN_SLOTS = 4;

export function createWheel<T>({ intervalMs, visit, onTick }: WheelOptions<T>): Wheel<T> {
  const slotCount = Math.max(MIN_SLOTS, Math.ceil(intervalMs / MAX_TICK_MS));
  const slots = Array.from({ length: slotCount }, () => new Set<T>());
  const slotOf = new Map<T, Set<T>>();
  let timer: NodeJS.Timeout | undefined;
  let hand = 0;
  let nextSlot = 0;

  function tick(): void {
    arm();
    hand = (hand + 1) % slotCount;
    const items = slots[hand];
    if (items !== undefined) visit(items);
    onTick();
  }

  // Not in the context of the request that came first: the timer serves all tenants. Unref'ed: a process whose servers
  // have closed may end.
  function arm(): void {
    timer = inRootContext(() => setTimeout(tick, intervalMs / slotCount)).unref();
  }

  arm();
  return {
    add(item) {
      const slot = slots[nextSlot++ % slotCount];
      if (slot === undefined) return;
      slot.add(item);
      slotOf.set(item, slot);
    },
    remove(item) {
      slotOf.get(item)?.delete(item);
      slotOf.delete(item);
    },
    stop: () => clearTimeout(timer),
  };
}
