import { isScaleError } from "@scale/core";
import type { RateLimiter } from "../src/index.js";
import { type Group, GROUPS, WHEN_DOWN } from "./fault-stage.js";
import { type CpuStarvation, watchCpuStarvation } from "@scale/testkit";

/** One decision under load. */
export interface Observed {
  readonly group: Group;
  readonly tenantId: string;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly latencyMs: number;
  /** The decider and its decision: `store allows`, `policy denies`, `throws SCALE_STORE`, … */
  readonly outcome: string;
}

export interface FaultLoad {
  readonly observed: readonly Observed[];
  readonly starvation: CpuStarvation;
  /** Resolves when every request has its decision. */
  stop(): Promise<void>;
}

const EVERY_MS = 2;

/** Tenant ids. Every other one is as an attacker would choose it. */
export const tenantOf = (i: number): string => (i % 2 === 0 ? `tenant-${i}` : `}{:*\u0001${i}`);

/** Sends one request to every group of rules every two milliseconds, whether or not earlier ones are decided. */
export function startFaultLoad(limiter: RateLimiter, tenants = 20): FaultLoad {
  const observed: Observed[] = [];
  const open = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  const starvation = watchCpuStarvation(EVERY_MS);
  let turn = 0;

  function tick(): void {
    const at = performance.now();
    const tenantId = tenantOf(turn++ % tenants);
    starvation.tick();
    const asked = GROUPS.map((group) => decide(limiter, { group, tenantId, at }));
    const all: Promise<void> = Promise.all(asked).then((decisions) => {
      observed.push(...decisions);
      open.delete(all);
    });
    open.add(all);
    timer = setTimeout(tick, EVERY_MS);
  }

  tick();
  return {
    observed,
    starvation,
    async stop() {
      clearTimeout(timer);
      await Promise.all(open);
    },
  };
}

async function decide(limiter: RateLimiter, which: Pick<Observed, "group" | "tenantId" | "at">): Promise<Observed> {
  const { group, tenantId, at } = which;
  const from = performance.now();
  let outcome: string;
  try {
    // Every rule of the group; acquire decides those over what runs at the same time too.
    const slot = await limiter.acquire({ tenantId }, { group, groupOnly: true });
    const { decidedBy, allowed } = slot.decision;
    outcome = `${decidedBy} ${allowed ? "allows" : "denies"}`;
    const latencyMs = performance.now() - from;
    await slot.release();
    return { ...which, latencyMs, outcome };
  } catch (error) {
    outcome = isScaleError(error) ? `throws ${error.code}` : `throws ${String(error)}`;
  }
  return { group, tenantId, at, latencyMs: performance.now() - from, outcome };
}

/** True for a decision of the store, or of units that the store leased in advance. */
export const isStores = ({ outcome }: Observed): boolean => outcome === "store allows" || outcome === "lease allows";

/** Decisions that come neither from the store nor from the group's policies. */
export function wrong(observed: readonly Observed[]): readonly Observed[] {
  return observed.filter((one) => !isStores(one) && one.outcome !== WHEN_DOWN[one.group]);
}

/** Milliseconds of the decisions for which the machine let this process run, from the fastest to the slowest. */
export function latencies(observed: readonly Observed[], starvation: CpuStarvation): readonly number[] {
  return observed
    .map(({ at, latencyMs }) => latencyMs - starvation.between(at, at + latencyMs))
    .toSorted((a, b) => a - b);
}
