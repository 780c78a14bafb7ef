import type { Page, PageInfo, Total } from "./types.js";

/** A connection of the Relay specification. */
export interface Connection<T> {
  readonly edges: readonly { readonly node: T; readonly cursor: string }[];
  readonly nodes: readonly T[];
  readonly pageInfo: PageInfo;
  readonly total?: Total;
}

/**
 * Converts a page to a Relay connection, with a cursor for each row.
 * Source: GraphQL Cursor Connections Specification (Relay)
 */
export function connection<T>(page: Page<T>): Connection<T> {
  const { items, pageInfo, total } = page;
  return {
    edges: items.map((node, index) => ({ node, cursor: page.cursorOf(index) })),
    nodes: items,
    pageInfo,
    ...(total !== undefined && { total }),
  };
}
