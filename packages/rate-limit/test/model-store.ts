import type { Clock, RateLimitRule } from "@scale/core";
import { capacity, type Algorithm, type State } from "../src/algorithms/counter.js";
import { counterOf } from "../src/algorithms/counter-of.js";
import type { Charge, RateLimitStore, RuleStatus, ConsumeRequest, ConsumeResult } from "../src/types.js";

/**
 * The algorithms over plain maps, without bounds and without speed: what every store is compared with. The time is the
 * wall clock, as on a server, and may be set back.
 */
export function modelStore(clock: Clock): RateLimitStore {
  const states = new Map<string, State>();
  const slots = new Map<string, Map<string, number>>();
  const nowUs = (): number => Math.round(clock.now() * 1000);
  const keyOf = (tenantId: string, { scope, subject }: Charge): string => JSON.stringify([tenantId, scope, subject]);

  function held(key: string, now: number): [string, number][] {
    return [...(slots.get(key) ?? [])].filter(([, until]) => until > now);
  }

  function counted(take: ConsumeRequest, charge: Charge, counter: Algorithm) {
    const now = nowUs();
    const key = keyOf(take.tenantId, charge);
    const stored = states.get(key);
    const state = counter.at(stored, now);
    // The clock was set back: what was written later than now is brought to now whatever is decided.
    if (stored !== undefined && (stored[0] ?? 0) > now) states.set(key, state);
    return { key, now, state };
  }

  function fits(take: ConsumeRequest, charge: Charge): boolean {
    const { rule } = charge;
    const counter = counterOf(rule);
    if (counter === undefined) {
      const taken = held(keyOf(take.tenantId, charge), nowUs());
      return taken.length < rule.limit || taken.some(([slot]) => slot === take.slot);
    }
    const { state, now } = counted(take, charge, counter);
    return counter.used(state, now) + Math.max(take.cost, 1) <= capacity(rule.burst);
  }

  const free = (rule: RateLimitRule, counter: Algorithm, state: State): number =>
    Math.max(0, Math.floor(capacity(rule.burst) - counter.used(state, nowUs())));

  function settle(
    take: ConsumeRequest,
    charge: Charge,
    { charges, fit }: { charges: boolean; fit: boolean },
  ): RuleStatus {
    const { rule, want } = charge;
    const counter = counterOf(rule);
    if (counter === undefined) return settleSlot(take, charge, { charges, fit });
    const { key, now, state } = counted(take, charge, counter);
    let granted = 0;
    if (charges && fit) {
      counter.add(state, take.cost);
      granted = Math.min(want ?? 0, free(rule, counter, state));
      counter.add(state, granted);
      states.set(key, state);
    }
    const asked = Math.max(take.cost, 1);
    const waitMs = asked > rule.burst ? Infinity : Math.ceil(counter.waitUs(state, now, asked) / 1000);
    return {
      remaining: free(rule, counter, state),
      resetMs: Math.ceil(counter.resetUs(state, now) / 1000),
      retryAfterMs: fit ? 0 : waitMs,
      ...(want !== undefined && { granted }),
    };
  }

  function settleSlot(
    take: ConsumeRequest,
    charge: Charge,
    { charges, fit }: { charges: boolean; fit: boolean },
  ): RuleStatus {
    const key = keyOf(take.tenantId, charge);
    const now = nowUs();
    if (charges && fit && take.slot !== undefined) {
      const others = held(key, now).filter(([slot]) => slot !== take.slot);
      slots.set(key, new Map([...others, [take.slot, now + charge.rule.windowMs * 1000]]));
    }
    const ends = held(key, now).map(([, until]) => until - now);
    return {
      remaining: Math.max(0, charge.rule.limit - ends.length),
      resetMs: Math.ceil(Math.max(0, ...ends) / 1000),
      retryAfterMs: fit ? 0 : Math.ceil(Math.min(1_000_000, ...ends) / 1000),
      ...(charge.want !== undefined && { granted: 0 }),
    };
  }

  return {
    settlesWithinMs: 0,
    consume(take): ConsumeResult {
      const fit = take.charges.map((charge) => fits(take, charge));
      const allowed = take.charges.every(({ rule }, i) => rule.shadow || fit[i]);
      const charges = allowed && take.cost > 0;
      const statuses = take.charges.map((charge, i) => settle(take, charge, { charges, fit: fit[i] === true }));
      return { allowed, atMs: nowUs() / 1000, statuses };
    },
    refund({ tenantId, units, charges, consumed }) {
      charges.forEach((charge, i) => {
        const counter = counterOf(charge.rule);
        const key = keyOf(tenantId, charge);
        if (counter === undefined || !states.has(key)) return;
        const { state, now } = counted({ tenantId, charges, cost: 0 }, charge, counter);
        const at = consumed.atMs * 1000;
        const emptyAt = at + (consumed.statuses[i]?.resetMs ?? 0) * 1000;
        counter.giveBack(state, now, { units, at, emptyAt });
        states.set(key, state);
      });
    },
    reset({ tenantId, charges }) {
      for (const charge of charges) {
        states.delete(keyOf(tenantId, charge));
        slots.delete(keyOf(tenantId, charge));
      }
    },
    release({ tenantId, charges, slot }) {
      for (const charge of charges) slots.get(keyOf(tenantId, charge))?.delete(slot);
    },
  };
}
