import { type PlanResolver, tenancy } from "@scale/core";
import { definePage, desc, type PageArgs } from "@scale/pagination";

/** Checks what a request asks for of a list. */
export type ListPages = (query: object) => Promise<PageArgs>;

/**
 * Lists have the newest row first, and as many as the plan of the tenant gives at a time. Cursors are signed, and another
 * tenant's are refused.
 * @param secret the same in all processes: a client turns the page wherever its next request goes
 */
export function createListPages(plans: PlanResolver, secret: string): ListPages {
  const newest = definePage({ by: [desc("id")], secret: `page ${secret}` });
  return async (query) => {
    const { pageSize } = await plans.resolve(tenancy.require().tenantId);
    return newest.parse(query, { pageSize });
  };
}
