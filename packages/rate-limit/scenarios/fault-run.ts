import { type CpuStarvation, waitUntil } from "@scale/testkit";
import type { Fault } from "./fault-list.js";
import { type FaultLoad, isStores, type Observed } from "./fault-load.js";
import type { FaultStage } from "./fault-stage.js";

/** Observations of one fault. */
export interface Suffered {
  readonly fault: Fault;
  /** Decisions whose request was made during the fault. */
  readonly during: readonly Observed[];
  /** Time from the end of the fault until Redis decides again. */
  readonly recoveryMs: number;
}

/** Begins a fault under load, lets it last, and ends it. */
export async function suffer(
  fault: Fault,
  { stage, load, lengthMs }: { stage: FaultStage; load: FaultLoad; lengthMs: number },
): Promise<Suffered> {
  const from = performance.now();
  await fault.begin(stage);
  await pass(lengthMs);
  await fault.end(stage);
  const endedAt = performance.now();
  const again = async (): Promise<boolean> => {
    const { decidedBy } = await stage.limiter.check({ tenantId: "probe" }, { group: "open", groupOnly: true });
    return decidedBy === "store";
  };
  await waitUntil(again, { what: `decisions by Redis after ${fault.name}`, everyMs: 2 });
  const recoveryMs = performance.now() - endedAt;
  // The last decisions of the fault are observed when they are made.
  await pass(100);
  const during = load.observed.filter(({ at }) => at >= from && at < endedAt);
  return { fault, during, recoveryMs };
}

/** Units of the rule `closed` that the store admitted and that it counted, over all tenants of a load. */
export async function countsOf(
  stage: FaultStage,
  observed: readonly Observed[],
): Promise<{ readonly admitted: number; readonly counted: number }> {
  const group = "closed";
  const admitted = observed.filter((one) => one.group === group && isStores(one)).length;
  const tenants = new Set(observed.map(({ tenantId }) => tenantId));
  let counted = 0;
  for (const tenantId of tenants) {
    const what = `the count of ${tenantId} by Redis`;
    const isRead = async (): Promise<boolean> => {
      const { decidedBy, limits } = await stage.limiter.peek({ tenantId }, { group, groupOnly: true });
      if (decidedBy !== "store") return false;
      for (const { limit, remaining } of limits) counted += limit - remaining;
      return true;
    };
    await waitUntil(isRead, { what });
  }
  return { admitted, counted };
}

/** Starvation above this may cost a decision its deadline. */
const STARVED_MS = 10;

/** The part of the decisions that the store did not make, without those that the machine may have made late. */
export function refusedPart(observed: readonly Observed[], starvation: CpuStarvation): number {
  const fed = observed.filter(({ at, latencyMs }) => starvation.between(at, at + latencyMs) < STARVED_MS);
  return fed.filter((one) => !isStores(one)).length / fed.length;
}

// Faults last real time.
export const pass = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
