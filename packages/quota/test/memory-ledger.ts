import type { UsageLedger } from "../src/usage/ledger/types.js";

/** A ledger in memory that never fails, so that only Redis does. */
export function memoryLedger(): UsageLedger & { total(): number } {
  const rows = new Map<string, { epoch: string; units: number; version: number }>();
  return {
    total: () => [...rows.values()].reduce((sum, { units }) => sum + units, 0),
    read: async (addresses) =>
      addresses.map(({ tenantId, metric }) =>
        [...rows]
          .filter(([name]) => name.startsWith(`${tenantId} ${metric} `))
          .map(([, row]) => ({ ...row, writtenAt: 1 })),
      ),
    write: async (states) =>
      states.map(({ tenantId, metric, epoch, units, version }) => {
        const name = `${tenantId} ${metric} ${epoch}`;
        const stored = rows.get(name);
        if (stored === undefined || stored.version < version) rows.set(name, { epoch, units, version });
        return rows.get(name) ?? { units, version };
      }),
  };
}
