import type { Clock } from "@scale/core";
import { windowUs } from "../algorithms/algorithm.js";
import { algorithmOf } from "../algorithms/algorithm-of.js";
import type { Charge, ConsumeRequest, ConsumeResult, HeldSlot, RefundRequest, RuleStatus } from "../types.js";
import { type RuleCounter, SlotCounter, UnitCounter } from "./counter.js";
import { type CounterKey, createCounterMap, type RuleCounters } from "./counter-map.js";
import { Marks } from "./marks.js";

/** Counts in the memory of this process, for at most `maxKeys` rules and subjects. Every method returns synchronously. */
export class MemoryCounters {
  readonly #countersOf: (scope: readonly string[]) => RuleCounters;
  readonly #clock: Clock;
  readonly #offsetMs: number;
  readonly #marks = new Marks();

  constructor({ clock, maxKeys }: { clock: Clock; maxKeys: number }) {
    this.#countersOf = createCounterMap(maxKeys);
    this.#clock = clock;
    // Windows begin at calendar hours and days. A change of the wall clock does not move them.
    this.#offsetMs = clock.now() - clock.monotonic();
  }

  consume(request: ConsumeRequest): ConsumeResult {
    if (request.force !== undefined) return this.#force(request, request.force.id);
    const now = this.#nowUs();
    const { charges, cost } = request;
    const counters: RuleCounter[] = [];
    let allowed = true;
    for (let i = 0; i < charges.length; i++) {
      const counter = this.#open(request, charges[i] as Charge, now);
      counters.push(counter);
      if (!counter.fits && !counter.charge.rule.shadow) allowed = false;
    }
    const statuses: RuleStatus[] = [];
    for (let i = 0; i < counters.length; i++)
      statuses.push(settle(counters[i] as RuleCounter, request, allowed && cost > 0));
    return { allowed, atMs: now / 1000, statuses };
  }

  refund({ id, tenantId, units, charges, consumed }: RefundRequest): void {
    const now = this.#nowUs();
    if (id !== undefined && !this.#isFirst({ tenantId, charges }, { id, now })) return;
    charges.forEach((charge, i) => {
      const algorithm = algorithmOf(charge.rule);
      if (algorithm === undefined) return;
      const at = consumed.atMs * 1000;
      const emptyAt = at + (consumed.statuses[i]?.resetMs ?? 0) * 1000;
      new UnitCounter(this.#keyOf(tenantId, charge, now), charge, algorithm, 0).refund(units, { at, emptyAt });
    });
  }

  reset({ tenantId, charges }: Pick<ConsumeRequest, "tenantId" | "charges">): void {
    for (const { scope, subject } of charges) {
      const counters = this.#countersOf(scope);
      const entry = counters.get(tenantId, subject);
      if (entry !== undefined) counters.delete(entry);
    }
  }

  release({ tenantId, charges, slot }: HeldSlot): void {
    const now = this.#nowUs();
    for (const charge of charges) new SlotCounter(this.#keyOf(tenantId, charge, now), charge, slot).release(slot);
  }

  /** Charges every rule, whether or not the cost fits, up to its limit. */
  chargeUpToLimit(request: ConsumeRequest): void {
    const now = this.#nowUs();
    for (const charge of request.charges) {
      const counter = this.#open(request, charge, now);
      counter.consume(Math.min(request.cost, counter.remaining()), undefined);
    }
  }

  #force({ tenantId, cost, charges, slot }: ConsumeRequest, id: string): ConsumeResult {
    const now = this.#nowUs();
    const isFirst = this.#isFirst({ tenantId, charges }, { id, now });
    const statuses = charges.map((charge): RuleStatus => {
      const algorithm = algorithmOf(charge.rule);
      const key = this.#keyOf(tenantId, charge, now);
      if (algorithm === undefined) return { ...new SlotCounter(key, charge, slot).status(), retryAfterMs: 0 };
      const counter = new UnitCounter(key, withoutBlock(charge), algorithm, 0);
      if (isFirst && cost > 0) counter.force(cost);
      return { ...counter.status(), retryAfterMs: 0 };
    });
    return { allowed: true, atMs: now / 1000, statuses };
  }

  /** False for a refund or a charge that was applied already. */
  #isFirst(
    { tenantId, charges }: Pick<ConsumeRequest, "tenantId" | "charges">,
    { id, now }: { id: string; now: number },
  ): boolean {
    const keptUs = Math.max(...charges.map(({ rule }) => KEPT_WINDOWS * windowUs(rule) * (rule.burst / rule.limit)));
    return this.#marks.add(tenantId, id, { now, keptUs });
  }

  #nowUs(): number {
    return Math.round((this.#clock.monotonic() + this.#offsetMs) * 1000);
  }

  #keyOf(tenantId: string, { scope, subject }: Charge, now: number): CounterKey {
    return { counters: this.#countersOf(scope), tenantId, subject, now };
  }

  #open({ tenantId, cost, slot }: ConsumeRequest, charge: Charge, now: number): RuleCounter {
    const algorithm = algorithmOf(charge.rule);
    const key = this.#keyOf(tenantId, charge, now);
    return algorithm === undefined ? new SlotCounter(key, charge, slot) : new UnitCounter(key, charge, algorithm, cost);
  }
}

/** Windows after which nothing of a charge is left. */
const KEPT_WINDOWS = 2;

const withoutBlock = (charge: Charge): Charge => ({ ...charge, rule: { ...charge.rule, block: undefined } });

/** Charges one rule of an admitted request, and returns its status. */
function settle(counter: RuleCounter, { cost, slot }: ConsumeRequest, isCharged: boolean): RuleStatus {
  const { want } = counter.charge;
  let granted = 0;
  if (!counter.fits && cost > 0) counter.deny?.();
  if (isCharged && counter.fits) {
    counter.consume(cost, slot);
    if (want !== undefined) {
      granted = counter.charge.rule.algorithm === "concurrency" ? 0 : Math.min(want, counter.remaining());
      if (granted > 0) counter.consume(granted, slot);
    }
  }
  const status = counter.status();
  return want === undefined ? status : { ...status, granted };
}
