import { tenantKeyPrefix } from "@scale/core/kit";

/** What the keys of one tenant begin with. What belongs to no tenant lies where no tenant's id can lead. */
export function keyBase(prefix: string, tenantId: string): string {
  return tenantId === "" ? `${prefix}:shared:{shared}:` : tenantKeyPrefix(prefix, tenantId);
}

export const generationKey = (base: string): string => `${base}g`;

export const entryKey = (base: string, key: string): string => `${base}e:${key}`;
