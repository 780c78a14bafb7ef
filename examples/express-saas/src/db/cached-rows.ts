import type { CacheResult, Receipt } from "@scale/cache";
import { isScaleError } from "@scale/core";
import type { Page, PageArgs } from "@scale/pagination";
import { type CrmCache, RECENT_ROWS, type ResourceName } from "../cache.js";
import type { Row, TenantRows } from "./tenant-rows.js";

/** A value and its source. `bypass` means that the value is never cached. */
export interface CacheRead<T> {
  readonly value: T;
  readonly source: CacheResult<T>["source"] | "bypass";
  /** True when the value was served after its TTL. */
  readonly isStale: boolean;
}

/** A written row, and whether its cached copies were invalidated in all processes. */
export interface WriteResult<R extends Row | undefined> {
  readonly row: R;
  /** `undefined` when the row does not exist. */
  readonly receipt: Receipt | undefined;
}

/** A page as it is sent to clients. */
export type ListPage = Pick<Page<Row>, "items" | "pageInfo">;

/** The rows of a resource, read through the cache. */
export interface CachedRows {
  list(args: PageArgs): Promise<CacheRead<ListPage>>;
  get(id: number): Promise<CacheRead<Row | undefined>>;
  insert(fields: Row): Promise<WriteResult<Row>>;
  update(id: number, fields: Row): Promise<WriteResult<Row | undefined>>;
  remove(id: number): Promise<WriteResult<Row | undefined>>;
}

/** Tables whose rows are deleted together with a row, by the foreign keys. */
const DEPENDENTS: Readonly<Record<ResourceName, readonly ResourceName[]>> = {
  contacts: ["deals", "invoices", "tasks"],
  deals: ["invoices"],
  invoices: [],
  tasks: [],
};

/**
 * Reads rows through the cache, and invalidates them when a change is committed. After the response to a change, every
 * read in this process sees it.
 */
export function cachedRows(
  rows: TenantRows,
  { cache, resources }: Pick<CrmCache, "cache" | "resources">,
  name: ResourceName,
): CachedRows {
  const { recent, row: rowDefinition } = resources[name];
  // Lists and the dashboard are tagged with each table they read.
  const changed = [name];
  const deleted = [name, ...DEPENDENTS[name].flatMap((owned) => [owned, `${owned}.row`])];

  async function invalidate(id: number | undefined, tags: readonly string[]): Promise<Receipt> {
    const own = cache.tenant();
    const receipts = [own.invalidateTags(tags), ...(id === undefined ? [] : [own.invalidate(rowDefinition, id)])];
    return leastApplied(await Promise.all(receipts));
  }

  /** @param at the id and tags to invalidate when the write fails with an unknown outcome */
  async function write<R extends Row | undefined>(
    work: Promise<R>,
    at: { readonly id?: number; readonly tags: readonly string[] },
  ): Promise<WriteResult<R>> {
    let row: R;
    try {
      row = await work;
    } catch (error) {
      // A refusal (a ScaleError) was not committed. After any other error the outcome is unknown, so invalidate.
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

/** True when the cached newest rows cover the requested page. */
function isCachedPage({ after, before, backward, offset, size }: PageArgs): boolean {
  return after === undefined && before === undefined && !backward && offset === 0 && size <= RECENT_ROWS;
}

/** Builds the page, with the same cursors, that the database query would return. */
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
