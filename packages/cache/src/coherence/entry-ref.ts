import type { ParsedDefinition } from "../definition/definition.js";
import { storeText } from "../definition/key.js";
import { storeFail } from "../events.js";
import type { EntryAddress } from "../store.js";
import type { TenantState } from "./tenant-state.js";

/** Identifies one entry of one tenant, in L1 and in the store. */
export interface EntryRef {
  readonly tenant: TenantState;
  readonly definition: ParsedDefinition;
  readonly params: unknown;
  /** Key in L1, unique within the definition. */
  readonly key: string;
  /** Key in the store, and among the flights of the tenant. */
  readonly storeKey: string;
}

export const storeKeyOf = ({ name }: { readonly name: string }, key: string): string => `${name}:${storeText(key)}`;

export const addressOf = ({ tenant, definition, storeKey }: EntryRef): EntryAddress => ({
  tenantId: tenant.tenantId,
  key: storeKey,
  hasTags: definition.hasTags,
});

export function publishStoreFailure(
  { tenant }: EntryRef,
  operation: "read" | "claim" | "fill" | "release" | "renew",
  error: unknown,
): void {
  storeFail.publish(() => ({ tenantId: tenant.tenantId, operation, error }));
}
