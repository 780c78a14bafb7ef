import type { CacheResult, Receipt } from "@scale/cache";
import { isScaleError } from "@scale/core";
import type { Page, PageArgs } from "@scale/pagination";
import { type CrmCache, RECENT_ROWS, type ResourceName } from "../cache.js";
import type { Row, TenantRows } from "./tenant-rows.js";

/** A value, and where it came from: `bypass` for what is never cached. */
export interface CacheRead<T> {
  readonly value: T;
  readonly source: CacheResult<T>["source"] | "bypass";
  /** True when its time had run out. */
  readonly isStale: boolean;
}

/** A row that was written, and whether what was cached of it has ended everywhere. */
export interface WriteResult<R extends Row | undefined> {
  readonly row: R;
  /** `undefined` when there was no such row. */
  readonly receipt: Receipt | undefined;
}

/** A page as a client gets it. */
export type ListPage = Pick<Page<Row>, "items" | "pageInfo">;

/** The rows of a resource as its routes use them. */
export interface CachedRows {
  list(args: PageArgs): Promise<CacheRead<ListPage>>;
  get(id: number): Promise<CacheRead<Row | undefined>>;
  insert(fields: Row): Promise<WriteResult<Row>>;
  update(id: number, fields: Row): Promise<WriteResult<Row | undefined>>;
  remove(id: number): Promise<WriteResult<Row | undefined>>;
}

/** Whose rows go with a row that is deleted, by the foreign keys. */
const DEPENDENTS: Readonly<Record<ResourceName, readonly ResourceName[]>> = {
  contacts: ["deals", "invoices", "tasks"],
  deals: ["invoices"],
  invoices: [],
  tasks: [],
};

/**
 * Reads rows through the cache, and ends what was cached when a change is committed. Whoever changed a row and has the answer
 * sees the change, in this process at once.
 */
export function cachedRows(
  rows: TenantRows,
  { cache, resources }: Pick<CrmCache, "cache" | "resources">,
  name: ResourceName,
): CachedRows {
  const { recent, row: rowDefinition } = resources[name];
  // Lists and the dashboard have the tag of each table that they are made of.
  const changed = [name];
  const deleted = [name, ...DEPENDENTS[name].flatMap((owned) => [owned, `${owned}.row`])];

  async function invalidate(id: number | undefined, tags: readonly string[]): Promise<Receipt> {
    const own = cache.tenant();
    const receipts = [own.invalidateTags(tags), ...(id === undefined ? [] : [own.invalidate(rowDefinition, id)])];
    return leastApplied(await Promise.all(receipts));
  }

  /** @param at what changes as far as it is known before */
  async function write<R extends Row | undefined>(
    work: Promise<R>,
    at: { readonly id?: number; readonly tags: readonly string[] },
  ): Promise<WriteResult<R>> {
    let row: R;
    try {
      row = await work;
    } catch (error) {
      // What we refuse was not committed. When anything else fails, nobody knows.
      if (!isScaleError(error)) await invalidate(at.id, at.tags);
      throw error;
    }
    return { row, receipt: row === undefined ? undefined : await invalidate(Number(row["id"]), at.tags) };
  }

  return {
    async list(args) {
      if (!isCachedPage(args)) return { value: await rows.page(args), source: "bypass", isStale: false };
      const { value, ...rest } = await cache.tenant().getWithInfo(recent, undefined);
      return { ...rest, value: firstPage(value, args) };
    },
    get: (id) => cache.tenant().getWithInfo(rowDefinition, id),
    insert: (fields) => write(rows.insert(fields), { tags: changed }),
    update: (id, fields) => write(rows.update(id, fields), { id, tags: changed }),
    remove: (id) => write(rows.remove(id), { id, tags: deleted }),
  };
}

/** Whether the newest rows that are kept are enough for it. */
function isCachedPage({ after, before, backward, offset, size }: PageArgs): boolean {
  return after === undefined && before === undefined && !backward && offset === 0 && size <= RECENT_ROWS;
}

/** The same page, with the same cursors, as the database would give. */
function firstPage(recent: readonly Row[], { size, cursorOf }: PageArgs): ListPage {
  const items = recent.slice(0, size);
  const cursor = (row: Row | undefined): string | null => (row === undefined ? null : cursorOf([String(row["id"])]));
  return {
    items,
    pageInfo: {
      hasNextPage: recent.length > size,
      hasPreviousPage: false,
      startCursor: cursor(items[0]),
      endCursor: cursor(items.at(-1)),
    },
  };
}

const SEVERITY = ["applied", "queued", "lost"] as const;

function leastApplied(receipts: readonly Receipt[]): Receipt {
  const state = SEVERITY.findLast((each) => receipts.some((receipt) => receipt.state === each));
  return { state: state ?? "applied" };
}
