import { InputError, type RateLimitRule, TenantError } from "@scale/core";
import { describeValue, EXPECTED_ID, isStorableId } from "@scale/core/kit";
import type { CountedSubject } from "../subject.js";
import type { Charge, HeldSlot } from "../types.js";

/** The id of a subject that a rule counts; `undefined` when the rule does not apply to it. */
export function countedId(by: RateLimitRule["by"], { tenantId, userId, ip, keys }: CountedSubject): string | undefined {
  if (by === "tenant") return tenantId;
  if (by === "user") return userId;
  if (by === "ip") return ip;
  return keys !== undefined && Object.hasOwn(keys, by) ? (keys[by] ?? undefined) : undefined;
}

/**
 * @throws {TenantError} for an invalid tenant, user or address
 * @throws {InputError} for an invalid key
 */
export function checkId(id: unknown, by: RateLimitRule["by"]): string {
  if (typeof id === "string" && isStorableId(id)) return id;
  const expected = `expected ${EXPECTED_ID}`;
  if (by === "tenant" || by === "user" || by === "ip")
    throw new TenantError(`${by}: ${expected}, got ${describeValue(id)}`);
  // Without its value, which may be a secret: an API key.
  throw new InputError(`${by}: ${expected}, got ${typeof id === "string" ? `${id.length} characters` : typeof id}`);
}

/** Owner of the counts of subjects without a tenant, for rules of several kinds. */
export const NO_TENANT = "~no-tenant";

/** The tenant of a request to the store; `undefined` for a subject without one, whose counts an address or a key owns. */
export function tenantOfRequest({ tenantId, charges }: Pick<HeldSlot, "tenantId" | "charges">): string | undefined {
  const isAnonymous = tenantId === NO_TENANT || charges.some(({ scope }) => scope.at(-1) === NO_TENANT);
  return isAnonymous ? undefined : tenantId;
}

/**
 * The owner of the counts of a subject without a tenant. Rules of one kind spread over a Cluster by what they count. Counts
 * of several kinds have one owner, because they are decided together, and the count of one kind must not depend on the id of
 * another: a client would start anew with each address.
 */
export function partitionOf(rules: readonly Pick<Charge, "rule">[], subject: CountedSubject): string {
  const kind = onlyKindOf(rules);
  const counted = kind === null ? undefined : countedId(kind, subject);
  return kind === null || counted === undefined ? NO_TENANT : checkId(counted, kind);
}

const onlyKinds = new WeakMap<readonly Pick<Charge, "rule">[], RateLimitRule["by"] | null>();

/** The kind that rules count without a tenant; `null` for several. */
function onlyKindOf(rules: readonly Pick<Charge, "rule">[]): RateLimitRule["by"] | null {
  const known = onlyKinds.get(rules);
  if (known !== undefined) return known;
  const kinds = new Set(rules.map(({ rule }) => rule.by).filter((by) => by !== "tenant" && by !== "user"));
  const only = kinds.size > 1 ? null : ([...kinds][0] ?? "ip");
  onlyKinds.set(rules, only);
  return only;
}

/** True for a subject without any id that the rules count. */
export const hasNoId = (rules: readonly Pick<Charge, "rule">[], subject: CountedSubject): boolean =>
  rules.every(({ rule }) => countedId(rule.by, subject) === undefined);

export function noIdError(rules: readonly Pick<Charge, "rule">[]): TenantError {
  const kinds = new Set(rules.map(({ rule }) => rule.by));
  return new TenantError(`expected a subject with ${[...kinds].join(" or ")}, got one without`);
}
