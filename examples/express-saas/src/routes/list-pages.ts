import { type PlanResolver, tenancy } from "@scale/core";
import { definePage, desc, type PageArgs } from "@scale/pagination";

/** Parses the page that a request asks for. */
export type ListPages = (query: object) => Promise<PageArgs>;

/**
 * Creates the pagination of a list: newest row first, with the page size of the tenant's plan. Cursors are signed, and
 * cursors of another tenant or list are refused.
 * @param options.secret equal in all processes, so that any process accepts the cursor
 */
export function createListPages(
  plans: PlanResolver,
  { list, secret }: { readonly list: string; readonly secret: string },
): ListPages {
  const newest = definePage({ list, by: [desc("id")], secret: `page ${secret}` });
  return async (query) => {
    const { pageSize } = await plans.resolve(tenancy.require().tenantId);
    return newest.parse(query, { pageSize });
  };
}
