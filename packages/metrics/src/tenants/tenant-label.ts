// The value of the label `tenant`. The mapping is injective: no two tenants share a series, whatever their ids contain.

const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const EACH_LONE = new RegExp(LONE, "g");

/** Label value of all tenants without a series of their own. */
export const OTHER_TENANTS = "other";

/**
 * Returns the label value of a tenant: its id, except for ids that would be mistaken for something else. A tenant that is
 * called `other`, ids that start with `~`, and ids with lone surrogates, which UTF-8 cannot carry, start with `~`.
 */
export function tenantLabel(tenantId: string): string {
  if (tenantId !== OTHER_TENANTS && !tenantId.startsWith("~") && !LONE.test(tenantId)) return tenantId;
  return `~${wellFormed(tenantId.replaceAll("~", "~~"))}`;
}

/** Replaces each lone surrogate by `~u` and its code. Pairs stay. */
export function wellFormed(text: string): string {
  return LONE.test(text) ? text.replaceAll(EACH_LONE, (found) => `~u${found.charCodeAt(0).toString(16)}`) : text;
}
