import type { Clock, RateLimitRule } from "@scale/core";
import { capacity, type Algorithm, type State } from "../src/algorithms/algorithm.js";
import { algorithmOf } from "../src/algorithms/algorithm-of.js";
import type { Charge, RateLimitStore, RuleStatus, ConsumeRequest, ConsumeResult } from "../src/types.js";

/**
 * The algorithms over plain maps, without bounds and without optimization: the reference for every store. It uses the wall
 * clock, as a server does, which may be set back.
 */
export function modelStore(clock: Clock): RateLimitStore {
  const states = new Map<string, State>();
  const slots = new Map<string, Map<string, number>>();
  const nowUs = (): number => Math.round(clock.now() * 1000);
  const keyOf = (tenantId: string, { scope, subject }: Charge): string => JSON.stringify([tenantId, scope, subject]);

  function held(key: string, now: number): [string, number][] {
    return [...(slots.get(key) ?? [])].filter(([, until]) => until > now);
  }

  function counted(request: ConsumeRequest, charge: Charge, algorithm: Algorithm) {
    const now = nowUs();
    const key = keyOf(request.tenantId, charge);
    const stored = states.get(key);
    const state = algorithm.at(stored, now);
    // The clock was set back: a state whose time is in the future is written back, whatever the decision.
    if (stored !== undefined && (stored[0] ?? 0) > now) states.set(key, state);
    return { key, now, state };
  }

  function fits(request: ConsumeRequest, charge: Charge): boolean {
    const { rule } = charge;
    const algorithm = algorithmOf(rule);
    if (algorithm === undefined) {
      const result = held(keyOf(request.tenantId, charge), nowUs());
      return result.length < rule.limit || result.some(([slot]) => slot === request.slot);
    }
    const { state, now } = counted(request, charge, algorithm);
    return algorithm.used(state, now) + Math.max(request.cost, 1) <= capacity(rule.burst);
  }

  const free = (rule: RateLimitRule, algorithm: Algorithm, state: State): number =>
    Math.max(0, Math.floor(capacity(rule.burst) - algorithm.used(state, nowUs())));

  function settle(
    request: ConsumeRequest,
    charge: Charge,
    { charges, fit }: { charges: boolean; fit: boolean },
  ): RuleStatus {
    const { rule, want } = charge;
    const algorithm = algorithmOf(rule);
    if (algorithm === undefined) return settleSlot(request, charge, { charges, fit });
    const { key, now, state } = counted(request, charge, algorithm);
    let granted = 0;
    if (charges && fit) {
      algorithm.add(state, request.cost);
      granted = Math.min(want ?? 0, free(rule, algorithm, state));
      algorithm.add(state, granted);
      states.set(key, state);
    }
    const asked = Math.max(request.cost, 1);
    const waitMs = asked > rule.burst ? Infinity : Math.ceil(algorithm.waitUs(state, now, asked) / 1000);
    return {
      remaining: free(rule, algorithm, state),
      resetMs: Math.ceil(algorithm.resetUs(state, now) / 1000),
      retryAfterMs: fit ? 0 : waitMs,
      ...(want !== undefined && { granted }),
    };
  }

  function settleSlot(
    request: ConsumeRequest,
    charge: Charge,
    { charges, fit }: { charges: boolean; fit: boolean },
  ): RuleStatus {
    const key = keyOf(request.tenantId, charge);
    const now = nowUs();
    if (charges && fit && request.slot !== undefined) {
      const others = held(key, now).filter(([slot]) => slot !== request.slot);
      slots.set(key, new Map([...others, [request.slot, now + charge.rule.windowMs * 1000]]));
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
    consume(request): ConsumeResult {
      const fit = request.charges.map((charge) => fits(request, charge));
      const allowed = request.charges.every(({ rule }, i) => rule.shadow || fit[i]);
      const charges = allowed && request.cost > 0;
      const statuses = request.charges.map((charge, i) => settle(request, charge, { charges, fit: fit[i] === true }));
      return { allowed, atMs: nowUs() / 1000, statuses };
    },
    refund({ tenantId, units, charges, consumed }) {
      charges.forEach((charge, i) => {
        const algorithm = algorithmOf(charge.rule);
        const key = keyOf(tenantId, charge);
        if (algorithm === undefined || !states.has(key)) return;
        const { state, now } = counted({ tenantId, charges, cost: 0 }, charge, algorithm);
        const at = consumed.atMs * 1000;
        const emptyAt = at + (consumed.statuses[i]?.resetMs ?? 0) * 1000;
        algorithm.refund(state, now, { units, at, emptyAt });
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
