import { tenantKeyPrefix } from "@scale/core/kit";

/** The prefix of all keys of one tenant. Entries without a tenant get a prefix that no tenant's id can lead to. */
export function keyBase(prefix: string, tenantId: string): string {
  return tenantId === "" ? `${prefix}:shared:{shared}:` : tenantKeyPrefix(prefix, tenantId);
}

export const generationKey = (base: string): string => `${base}g`;

export const entryKey = (base: string, key: string): string => `${base}e:${key}`;
