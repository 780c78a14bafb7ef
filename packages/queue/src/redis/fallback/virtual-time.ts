/** Highest priority number of BullMQ: the last place. */
const LAST_PRIORITY = 2_097_151;
/** Step of a tenant of weight 1 for one unit of cost. Weights up to 100 interleave, lower ones exactly. */
const STEP = 100;

/** Fair order as priorities: the tag of a tenant's job is that of its last one, plus its cost over its weight. */
export interface VirtualTime {
  /** @param current priority of the job that is next to run, 0 without one */
  priorityOf(
    job: { readonly tenantId: string; readonly cost: number; readonly weight: number },
    current: number,
  ): number;
}

/** Start-time fair queueing over BullMQ's priorities. Tags are of this process: producers do not see those of others. */
export function createVirtualTime(): VirtualTime {
  const tags = new Map<string, number>();
  return {
    priorityOf({ tenantId, cost, weight }, current) {
      const start = Math.max(tags.get(tenantId) ?? 0, current);
      // All tags of idle tenants are lower than the current one: nothing is lost with them.
      if (tags.size > 100_000) for (const [id, tag] of tags) if (tag <= current) tags.delete(id);
      const next = start + Math.max((STEP * cost) / weight, 1);
      tags.set(tenantId, next);
      return Math.min(Math.max(Math.round(start), 1), LAST_PRIORITY);
    },
  };
}
