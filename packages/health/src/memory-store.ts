import type { HealthStore } from "./types.js";

/** Keeps totals in this process. For tests and for applications of one process. */
export function memoryStore(): HealthStore {
  const totals = new Map<string, number>();
  return {
    async add(tenantId, units) {
      const total = (totals.get(tenantId) ?? 0) + units;
      totals.set(tenantId, total);
      return total;
    },
  };
}
