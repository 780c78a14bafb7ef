import { ConfigError, createPlanResolver, tenancy } from "@scale/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCrmCache, type CrmCache } from "../cache.js";
import type { Example } from "../index.js";
import { plans } from "../scale.plan.js";
import { startTestExample, withoutPostgres } from "../testing.js";
import { createListPages, type ListPages } from "../routes/list-pages.js";
import { cachedRows } from "./cached-rows.js";
import { contacts } from "./schema.js";
import { type TenantRows, tenantRows } from "./tenant-rows.js";

describe.skipIf(withoutPostgres)("cachedRows", () => {
  let example: Example;
  let rows: TenantRows;
  let crm: CrmCache;
  let pages: ListPages;
  beforeAll(async () => {
    example = await startTestExample("saas_cached_rows");
    const { db } = example.components.database;
    rows = tenantRows(db, contacts);
    const resolver = createPlanResolver({ plans, lookup: () => "free" });
    crm = createCrmCache({ db, plans: resolver, store: undefined });
    pages = createListPages(resolver, { list: "contacts", secret: "a secret of the test, 32 characters or more" });
  });
  afterAll(() => example?.stop());

  const asAmber = <T>(work: () => Promise<T>): Promise<T> => tenancy.run({ tenantId: "amber-labs" }, work);
  const newest = async (): Promise<number> => Number((await rows.list({ limit: 1 }))[0]?.["id"]);

  it("invalidates a row when the outcome of its change is unknown", async () => {
    await asAmber(async () => {
      const id = await newest();
      const lost = new Error("the connection ended");
      const update: TenantRows["update"] = async (...change) => {
        await rows.update(...change);
        throw lost;
      };
      const cached = cachedRows({ ...rows, update }, crm, "contacts");
      const first = await pages({ limit: 1 });
      await Promise.all([cached.get(id), cached.list(first)]);
      await expect(cached.update(id, { name: "Zoe" })).rejects.toBe(lost);
      expect((await cached.get(id)).value).toMatchObject({ name: "Zoe" });
      expect((await cached.list(first)).value.items).toMatchObject([{ name: "Zoe" }]);
    });
  });

  it("keeps cached values when a change was refused or changed no row", async () => {
    await asAmber(async () => {
      const id = await newest();
      const insert = (): never => {
        throw new ConfigError("no room");
      };
      const cached = cachedRows({ ...rows, insert: async () => insert() }, crm, "contacts");
      const first = await pages({ limit: 1 });
      await cached.list(first);
      await expect(cached.insert({})).rejects.toThrow("no room");
      expect(await cached.update(id + 1_000_000, { name: "Zoe" })).toEqual({ row: undefined, receipt: undefined });
      expect((await cached.list(first)).source).toBe("memory");
    });
  });

  it("builds a first page with the same cursors as the database query", async () => {
    await asAmber(async () => {
      const cached = cachedRows(rows, crm, "contacts");
      for (const limit of [1, 49, 50]) {
        const page = await pages({ limit });
        const { value, source } = await cached.list(page);
        expect(source).not.toBe("bypass");
        const { items, pageInfo } = await rows.page(page);
        expect(value).toEqual({ items, pageInfo });
      }
      expect((await cached.list({ ...(await pages({})), size: 51 })).source).toBe("bypass");
      expect((await cached.list(await pages({ last: 3 }))).source).toBe("bypass");
    });
  });

  it("restores dates", async () => {
    await asAmber(async () => {
      const cached = cachedRows(rows, crm, "contacts");
      const id = await newest();
      await cached.get(id);
      const { value, source } = await cached.get(id);
      expect(source).toBe("memory");
      expect(value?.["createdAt"]).toEqual((await rows.get(id))?.["createdAt"]);
      expect(value?.["createdAt"]).toBeInstanceOf(Date);
    });
  });
});
