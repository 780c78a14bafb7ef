import { createHash } from "node:crypto";

/**
 * Offset of a tenant in the spread of a schedule, in milliseconds: the same for each slot and in each process, and even over many
 * tenants.
 */
export function spreadOffsetMs(schedule: string, tenantId: string, spreadMs: number): number {
  if (spreadMs === 0) return 0;
  // Lengths first: the pair cannot be read as another one.
  const hash = createHash("sha256").update(`${schedule.length}:${schedule}:${tenantId}`).digest();
  return Math.floor((hash.readUIntBE(0, 6) / 2 ** 48) * spreadMs);
}
