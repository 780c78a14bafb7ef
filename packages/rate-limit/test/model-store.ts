import type { Clock, RateLimitRule } from "@scale/core";
import { capacity, type Algorithm, type MutableState, type State, windowUs } from "../src/algorithms/algorithm.js";
import { algorithmOf } from "../src/algorithms/algorithm-of.js";
import { blockAt, blockedUs, countDenial } from "../src/algorithms/block.js";
import type { Charge, RateLimitStore, RuleStatus, ConsumeRequest, ConsumeResult } from "../src/types.js";

/**
 * The algorithms over plain maps, without bounds and without optimization: the reference for every store. It uses the wall
 * clock, as a server does, which may be set back.
 */
export function modelStore(clock: Clock): RateLimitStore {
  const states = new Map<string, State>();
  const slots = new Map<string, Map<string, number>>();
  const blocks = new Map<string, MutableState>();
  const marks = new Set<string>();
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

  /** The block of a rule that blocks. An end that the clock, set back, has moved away is written back, whatever the decision. */
  function blockOf(tenantId: string, charge: Charge): MutableState | undefined {
    const { block } = charge.rule;
    if (block === undefined) return undefined;
    const key = keyOf(tenantId, charge);
    const stored = blocks.get(key);
    const state = blockAt(stored, nowUs(), windowUs(charge.rule));
    if (stored !== undefined && (stored[0] ?? 0) > nowUs() + (stored[1] ?? 0)) blocks.set(key, state);
    return state;
  }

  function fits(request: ConsumeRequest, charge: Charge): boolean {
    const { rule } = charge;
    const algorithm = algorithmOf(rule);
    if (algorithm === undefined) {
      const result = held(keyOf(request.tenantId, charge), nowUs());
      return result.length < rule.limit || result.some(([slot]) => slot === request.slot);
    }
    const { state, now } = counted(request, charge, algorithm);
    const block = blockOf(request.tenantId, charge);
    if (block !== undefined && blockedUs(block, now) > 0) return false;
    return algorithm.used(state, now) + Math.max(request.cost, 1) <= capacity(rule.burst);
  }

  function deny({ tenantId, cost }: ConsumeRequest, charge: Charge): void {
    const { block, burst } = charge.rule;
    const state = blockOf(tenantId, charge);
    if (block === undefined || state === undefined || blockedUs(state, nowUs()) > 0) return;
    if (cost === 0 || cost > burst) return;
    countDenial(state, nowUs(), block);
    blocks.set(keyOf(tenantId, charge), state);
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
    const hasRoom = algorithm.used(state, now) + asked <= capacity(rule.burst);
    const waitUs = asked > rule.burst ? Infinity : hasRoom ? 0 : algorithm.waitUs(state, now, asked);
    const resetUs = algorithm.resetUs(state, now);
    if (!fit) deny(request, charge);
    const block = blockOf(request.tenantId, charge);
    if (block === undefined) {
      return {
        remaining: free(rule, algorithm, state),
        resetMs: Math.ceil(resetUs / 1000),
        retryAfterMs: fit ? 0 : Math.ceil(waitUs / 1000),
        ...(want !== undefined && { granted }),
      };
    }
    const leftUs = blockedUs(block, now);
    return {
      remaining: leftUs > 0 ? 0 : free(rule, algorithm, state),
      resetMs: Math.ceil(Math.max(resetUs, leftUs) / 1000),
      retryAfterMs: fit ? 0 : Math.ceil(Math.max(waitUs, leftUs) / 1000),
      blocked: leftUs > 0,
    };
  }

  function force({ tenantId, cost, charges }: ConsumeRequest, id: string): ConsumeResult {
    const isFirst = !marks.has(tenantId + id);
    marks.add(tenantId + id);
    const statuses = charges.map((charge): RuleStatus => {
      const { rule } = charge;
      const algorithm = algorithmOf(rule);
      if (algorithm === undefined) {
        const status = settleSlot({ tenantId, cost, charges }, charge, { charges: false, fit: true });
        return { ...status, retryAfterMs: 0 };
      }
      const { key, state } = counted({ tenantId, cost, charges }, charge, algorithm);
      if (isFirst && cost > 0) {
        if (algorithm.force === undefined) algorithm.add(state, cost);
        else algorithm.force(state, cost);
        states.set(key, state);
      }
      const resetMs = Math.ceil(algorithm.resetUs(state, nowUs()) / 1000);
      return { remaining: free(rule, algorithm, state), resetMs, retryAfterMs: 0 };
    });
    return { allowed: true, atMs: nowUs() / 1000, statuses };
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
      if (request.force !== undefined) return force(request, request.force.id);
      const fit = request.charges.map((charge) => fits(request, charge));
      const allowed = request.charges.every(({ rule }, i) => rule.shadow || fit[i]);
      const charges = allowed && request.cost > 0;
      const statuses = request.charges.map((charge, i) => settle(request, charge, { charges, fit: fit[i] === true }));
      return { allowed, atMs: nowUs() / 1000, statuses };
    },
    refund({ id, tenantId, units, charges, consumed }) {
      if (id !== undefined && marks.has(tenantId + id)) return;
      if (id !== undefined) marks.add(tenantId + id);
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
        blocks.delete(keyOf(tenantId, charge));
        slots.delete(keyOf(tenantId, charge));
      }
    },
    release({ tenantId, charges, slot }) {
      for (const charge of charges) slots.get(keyOf(tenantId, charge))?.delete(slot);
    },
  };
}
