import { createPlanResolver, definePlans, type EventChannel, hard, tenancy } from "@scale/core";
import { afterAll, beforeAll, describe, expect, expectTypeOf, inject, it, onTestFinished } from "vitest";
import { type Closable, pgHarness } from "../scenarios/harness.js";
import { planResolver } from "../test/plans.js";
import { QuotaExceeded } from "./errors.js";
import { driftFind, overageUse, thresholdReach, useRefuse } from "./events.js";
import { rows, usage } from "./options.js";
import type { PgExecutor } from "./rows/pg.js";
import { createQuota } from "./quota.js";
import type { Quota } from "./quota-interface.js";
import { memoryUsage } from "./usage/memory-store.js";

const server = inject("postgresUrl");

const metrics = {
  contacts: rows({ count: (tenantId, db: PgExecutor) => counted(tenantId, db) }),
  deals: rows(),
  tokens: usage({ unit: "tokens", per: "month" }),
  calls: usage({ per: "forever" }),
};
type Metrics = typeof metrics;

async function counted(tenantId: string, db: PgExecutor): Promise<number> {
  const { rows: found } = await db.query("select id from contacts where tenant_id = $1", [tenantId]);
  return found.length;
}

let tenants = 0;
const tenantOn = (plan: string): string => `${plan}-quota-${tenants++}`;

function collect<T>(event: EventChannel<T>): T[] {
  const messages: T[] = [];
  onTestFinished(event.subscribe((message) => messages.push(message)));
  return messages;
}

describe.skipIf(!server)("createQuota: rows by user", () => {
  it("counts the rows of each user by itself, and publishes the thresholds of the metric", async () => {
    const harness = await pgHarness(server, "quota_by_user");
    onTestFinished(() => harness.close());
    const rowsOf = (tenantId: string, userId = ""): string => `${tenantId}/${userId}`;
    const projects = rows({
      by: "user",
      thresholds: [0.5],
      count: (tenantId, db: PgExecutor, userId?: string) => counted(rowsOf(tenantId, userId), db),
    });
    const plans = createPlanResolver({
      plans: definePlans({ free: { quota: { projects: hard(4), seats: hard(5) } } }),
      lookup: () => "free",
    });
    const quota = createQuota({ metrics: { projects, seats: rows() }, plans, rows: harness.store });
    const reached = collect(thresholdReach);
    await harness.insert(harness.db, rowsOf("acme", "ann"), 3);
    const use = (userId: string) =>
      harness.transaction((tx) => quota.tryUse("acme", { projects: 1, seats: 1 }, { tx, userId }));
    expect(await use("ann")).toMatchObject({
      metrics: { projects: { metric: "projects", used: 4 }, seats: { used: 1 } },
    });
    expect(await use("ann")).toMatchObject({ refusals: [{ metric: "projects", userId: "ann", used: 4 }] });
    expect(await use("bob")).toMatchObject({ metrics: { projects: { used: 1 }, seats: { used: 2 } } });
    expect(await use("bob")).toMatchObject({ metrics: { projects: { used: 2 }, seats: { used: 3 } } });
    expect(reached).toMatchObject([{ metric: "projects", userId: "bob", threshold: 0.5, used: 2 }]);
    const given = await harness.transaction((tx) => quota.giveBack("acme", { projects: 1 }, { tx, userId: "bob" }));
    expect(given).toEqual({ projects: { metric: "projects", used: 1, missing: 0 } });
    expect(Object.keys((await quota.status("acme")).metrics)).toEqual(["seats"]);
    expect((await quota.status("acme", { userId: "bob" })).metrics).toMatchObject({ projects: { used: 1 } });
    const asAnn = { tenantId: "acme", userId: "ann" };
    expect(await tenancy.run(asAnn, () => quota.reconcile("acme", "projects"))).toMatchObject({
      source: 3,
      drift: 1,
    });
    await expect(harness.transaction((tx) => quota.use("acme", { projects: 1 }, { tx }))).rejects.toThrow(/userId/);
  });
});

describe.skipIf(!server)("createQuota: rows", () => {
  let harness = {} as Closable<PgExecutor>;
  let quota = {} as Quota<Metrics, PgExecutor>;
  const plansOf: Record<string, string> = {};
  const plans = planResolver(plansOf);
  beforeAll(async () => {
    harness = await pgHarness(server, "quota_create");
    const subscription = (): { anchor: number } => ({ anchor: 0 });
    quota = createQuota({ metrics, plans, rows: harness.store, usage: memoryUsage(), subscription });
  });
  afterAll(() => harness.close());

  it("knows its metrics by type", () => {
    const options = { tx: harness.db };
    const wrong = [
      // @ts-expect-error -- a metric that the quota does not have
      () => quota.use("free-1", { nope: 1 }, options),
      // @ts-expect-error -- beside one that it has
      () => quota.use("free-1", { contacts: 1, nope: 1 }, options),
      // @ts-expect-error -- a metric of usage
      () => quota.giveBack("free-1", { tokens: 1 }, options),
      // @ts-expect-error -- a metric of rows
      () => quota.consume("free-1", { contacts: 1 }),
      // @ts-expect-error -- a metric that was not reserved
      async () => (await quota.reserve("free-1", { tokens: 1 })).commit({ calls: 1 }),
    ];
    expect(wrong).toHaveLength(5);
    const use = () => quota.use("free-1", { contacts: 1, deals: 2 }, options);
    expectTypeOf<keyof Awaited<ReturnType<typeof use>>["metrics"]>().toEqualTypeOf<"contacts" | "deals">();
    expectTypeOf(quota.check).parameter(1).toEqualTypeOf<"contacts" | "deals" | "tokens" | "calls">();
    expect(quota.metrics).toEqual(["contacts", "deals", "tokens", "calls"]);
  });

  it("throws the refusal, so that the transaction rolls back", async () => {
    const tenantId = tenantOn("free");
    await harness.transaction((tx) => quota.use(tenantId, { contacts: 9 }, { tx }));
    const refused = harness.transaction(async (tx) => {
      await harness.insert(tx, tenantId, 2);
      await quota.use(tenantId, { contacts: 2 }, { tx, written: true });
    });
    const error: unknown = await refused.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(QuotaExceeded);
    expect(error).toMatchObject({
      code: "SCALE_QUOTA",
      status: 402,
      message: 'quota contacts of plan "free": 9 of 10, no room for 2 more',
      refusal: {
        tenantId,
        metric: "contacts",
        plan: "free",
        limit: 10,
        max: 10,
        used: 9,
        held: 0,
        requested: 2,
        upgrade: { from: "free", to: "pro", url: "https://app.test/upgrade?from=free&to=pro" },
        resetsAt: undefined,
      },
    });
    expect(await harness.count(harness.db, tenantId)).toBe(0);
  });

  it("names the smallest plan that would have admitted the units, and has status 403 without one", async () => {
    const tenantId = tenantOn("free");
    const upgradeFor = async (units: number): Promise<unknown> => {
      const answer = await harness.transaction((tx) => quota.tryUse(tenantId, { contacts: units }, { tx }));
      return answer.admitted ? answer : answer.refusals[0]?.upgrade?.to;
    };
    // The plan pro includes 20 and admits 22.
    expect([await upgradeFor(11), await upgradeFor(22), await upgradeFor(23)]).toEqual(["pro", "pro", "max"]);
    const refusal = { tenantId, metric: "contacts", plan: "max", limit: 1, max: 1, used: 1, held: 0, requested: 1 };
    expect(new QuotaExceeded({ ...refusal, upgrade: undefined, resetsAt: undefined }).status).toBe(403);
  });

  it("returns a refusal from tryUse, and lets the transaction go on", async () => {
    const tenantId = tenantOn("free");
    const answer = await harness.transaction(async (tx) => {
      const refused = await quota.tryUse(tenantId, { deals: 6 }, { tx });
      await harness.insert(tx, tenantId, 1);
      return refused;
    });
    expect(answer).toMatchObject({ admitted: false, refusals: [{ metric: "deals", limit: 5, used: 0, requested: 6 }] });
    expect(await harness.count(harness.db, tenantId)).toBe(1);
  });

  it("does not ask the database for an unlimited metric, and writes nothing", async () => {
    const tenantId = tenantOn("max");
    const untouchable = { query: () => Promise.reject(new Error("was called")) };
    const used = await quota.use(tenantId, { contacts: 1_000_000 }, { tx: untouchable });
    expect(used.metrics.contacts).toMatchObject({ used: undefined, limit: Infinity, overage: false });
    const given = await quota.giveBack(tenantId, { contacts: 5 }, { tx: untouchable });
    expect(given).toEqual({ contacts: { metric: "contacts", used: undefined, missing: 0 } });
  });

  it("admits units above a soft limit up to its overage, and publishes it", async () => {
    const tenantId = tenantOn("pro");
    const overages = collect(overageUse);
    const use = (units: number): Promise<unknown> =>
      harness.transaction((tx) => quota.tryUse(tenantId, { contacts: units }, { tx }));
    expect(await use(20)).toMatchObject({ metrics: { contacts: { used: 20, limit: 20, max: 22, overage: false } } });
    expect(await use(2)).toMatchObject({ metrics: { contacts: { used: 22, overage: true } } });
    expect(await use(1)).toMatchObject({ admitted: false });
    expect(overages).toEqual([{ tenantId, metric: "contacts", plan: "pro", units: 2, used: 22, limit: 20 }]);
  });

  it("keeps the count when the plan becomes smaller, and refuses more", async () => {
    const tenantId = tenantOn("pro");
    await harness.transaction((tx) => quota.use(tenantId, { contacts: 15 }, { tx }));
    plansOf[tenantId] = "free";
    plans.invalidate(tenantId);
    expect(await quota.check(tenantId, "contacts")).toMatchObject({
      used: 15,
      limit: 10,
      remaining: 0,
      allowed: false,
    });
    await expect(harness.transaction((tx) => quota.use(tenantId, { contacts: 1 }, { tx }))).rejects.toThrow(
      'quota contacts of plan "free": 15 of 10, no room for 1 more',
    );
    await harness.transaction((tx) => quota.giveBack(tenantId, { contacts: 6 }, { tx }));
    expect(await harness.transaction((tx) => quota.use(tenantId, { contacts: 1 }, { tx }))).toMatchObject({
      metrics: { contacts: { used: 10 } },
    });
  });

  it("checks for room, and counts nothing, with 0 units", async () => {
    const tenantId = tenantOn("free");
    const ask = (): Promise<unknown> => harness.transaction((tx) => quota.tryUse(tenantId, { contacts: 0 }, { tx }));
    expect(await ask()).toMatchObject({ metrics: { contacts: { units: 0, used: 0 } } });
    await harness.transaction((tx) => quota.use(tenantId, { contacts: 10 }, { tx }));
    expect(await ask()).toMatchObject({ admitted: false, refusals: [{ used: 10, requested: 1 }] });
    expect((await quota.check(tenantId, "contacts")).used).toBe(10);
  });

  it("counts nothing of several metrics when one with 0 units has no room", async () => {
    const tenantId = tenantOn("free");
    await harness.transaction((tx) => quota.use(tenantId, { contacts: 10 }, { tx }));
    const answer = await harness.transaction((tx) => quota.tryUse(tenantId, { contacts: 0, deals: 1 }, { tx }));
    expect(answer).toMatchObject({ refusals: [{ metric: "contacts" }] });
    expect((await quota.check(tenantId, "deals")).used).toBe(0);
  });

  it("treats rows that are given back as deleted, and counts them once", async () => {
    const tenantId = tenantOn("free");
    await harness.insert(harness.db, tenantId, 6);
    await harness.transaction(async (tx) => {
      await harness.remove(tx, tenantId, 2);
      const given = await quota.giveBack(tenantId, { contacts: 2 }, { tx });
      expect(given).toEqual({ contacts: { metric: "contacts", used: 4, missing: 0 } });
    });
    expect((await quota.check(tenantId, "contacts")).used).toBe(4);
  });

  it("counts rows in the transaction for 0 units of a tenant without a counter", async () => {
    const tenantId = tenantOn("free");
    await harness.insert(harness.db, tenantId, 10);
    const answer = await harness.transaction((tx) => quota.tryUse(tenantId, { contacts: 0 }, { tx }));
    expect(answer).toMatchObject({ admitted: false, refusals: [{ used: 10 }] });
  });

  it.each([-1, 1.5, Number.NaN, Infinity, 2 ** 52 + 1, "1", 1n, undefined])("rejects %s as units", async (units) => {
    const tenantId = tenantOn("free");
    const wrong = units as number;
    const message = /contacts: expected units as an integer from 0 to 2\^52, got /;
    await harness.transaction(async (tx) => {
      await expect(quota.use(tenantId, { contacts: wrong }, { tx })).rejects.toThrow(message);
      await expect(quota.giveBack(tenantId, { contacts: wrong }, { tx })).rejects.toThrow(TypeError);
    });
    await expect(quota.check(tenantId, "contacts", units === undefined ? -1 : wrong)).rejects.toThrow(TypeError);
  });

  it("rejects a tx that is not the client of a transaction", async () => {
    const tenantId = tenantOn("free");
    const use = (tx: unknown): Promise<unknown> => quota.use(tenantId, { contacts: 1 }, { tx: tx as PgExecutor });
    await expect(use(harness.db)).rejects.toThrow("tx: expected the client of a transaction, got the store's own");
    await expect(use(undefined)).rejects.toThrow("tx: expected the client of a transaction, got undefined");
  });

  it("rejects tenant ids that Postgres cannot store unchanged", async () => {
    for (const tenantId of ["", "free-a\0b", "free-\ud800", `free-${"\u4e00".repeat(1000)}`, 5 as never]) {
      await expect(quota.status(tenantId)).rejects.toMatchObject({ code: "SCALE_TENANT" });
      const used = harness.transaction((tx) => quota.use(tenantId, { deals: 1 }, { tx }));
      await expect(used).rejects.toMatchObject({ code: "SCALE_TENANT" });
    }
  });

  it("rejects with database errors unchanged", async () => {
    const down = { query: () => Promise.reject(Object.assign(new Error("deadlock detected"), { code: "40P01" })) };
    const failed = quota.use(tenantOn("free"), { contacts: 1 }, { tx: down });
    await expect(failed).rejects.toMatchObject({ message: "deadlock detected", code: "40P01" });
  });

  it("counts several metrics together or none, and offers the plan that admits all", async () => {
    const tenantId = tenantOn("free");
    const useBoth = (contacts: number, deals: number): Promise<unknown> =>
      harness.transaction((tx) => quota.tryUse(tenantId, { deals, contacts }, { tx }));
    expect(await useBoth(2, 5)).toMatchObject({
      admitted: true,
      metrics: { deals: { metric: "deals", used: 5 }, contacts: { metric: "contacts", used: 2 } },
    });
    expect(await useBoth(2, 1)).toMatchObject({ refusals: [{ metric: "deals", upgrade: { to: "pro" } }] });
    expect(await useBoth(23, 1)).toMatchObject({ refusals: [{ upgrade: { to: "max" } }, { upgrade: { to: "max" } }] });
    expect((await quota.status(tenantId)).metrics).toMatchObject({ contacts: { used: 2 }, deals: { used: 5 } });
    const given = await harness.transaction((tx) => quota.giveBack(tenantId, { deals: 1, contacts: 3 }, { tx }));
    expect(given).toEqual({
      deals: { metric: "deals", used: 4, missing: 0 },
      contacts: { metric: "contacts", used: 0, missing: 1 },
    });
  });

  it("publishes each threshold from the one transaction that reaches it, and again after units were given back", async () => {
    const tenantId = tenantOn("free");
    const reached = collect(thresholdReach);
    const use = (): Promise<unknown> =>
      harness.transaction((tx) => quota.use(tenantId, { contacts: 1 }, { tx })).catch(() => undefined);
    await Promise.all(Array.from({ length: 14 }, use));
    const said = { tenantId, metric: "contacts", plan: "free", limit: 10, period: undefined };
    expect(reached).toEqual([
      { ...said, threshold: 0.8, used: 8 },
      { ...said, threshold: 1, used: 10 },
    ]);
    await harness.transaction((tx) => quota.giveBack(tenantId, { contacts: 1 }, { tx }));
    await use();
    expect(reached.slice(2)).toEqual([{ ...said, threshold: 1, used: 10 }]);
  });

  it("publishes every refusal", async () => {
    const tenantId = tenantOn("free");
    const refusals = collect(useRefuse);
    await harness.transaction((tx) => quota.tryUse(tenantId, { deals: 9 }, { tx }));
    expect(refusals).toMatchObject([{ tenantId, metric: "deals", requested: 9, plan: "free" }]);
    await quota.check(tenantId, "deals", 9);
    expect(refusals).toHaveLength(1);
  });

  it("corrects a wrong counter, and publishes the drift", async () => {
    const tenantId = tenantOn("free");
    const drifts = collect(driftFind);
    await harness.insert(harness.db, tenantId, 3);
    await harness.transaction((tx) => quota.use(tenantId, { contacts: 1 }, { tx }));
    const found = { before: 4, source: 3, drift: 1, corrected: true };
    expect(await quota.reconcile(tenantId, "contacts")).toEqual(found);
    expect(await harness.transaction((tx) => quota.reconcile(tenantId, "contacts", tx))).toMatchObject({ drift: 0 });
    expect(drifts).toEqual([{ tenantId, metric: "contacts", period: undefined, ...found }]);
    await expect(quota.reconcile(tenantId, "deals")).rejects.toThrow('reconcile: rows metric "deals" has no count');
  });

  it("returns the status of every metric", async () => {
    const tenantId = tenantOn("free");
    await harness.insert(harness.db, tenantId, 4);
    await harness.transaction((tx) => quota.use(tenantId, { deals: 2 }, { tx }));
    await quota.consume(tenantId, { tokens: 100 });
    await quota.reserve(tenantId, { tokens: 50 });
    const status = await quota.status(tenantId);
    const common = { plan: "free", kind: "hard", exact: true };
    expect(status).toMatchObject({
      tenantId,
      metrics: {
        contacts: { ...common, used: 4, held: 0, limit: 10, max: 10, remaining: 6, resetsAt: undefined },
        deals: { ...common, used: 2, remaining: 3 },
        tokens: { ...common, unit: "tokens", used: 100, held: 50, limit: 1000, remaining: 850 },
        calls: { ...common, kind: "soft", used: 0, limit: 10, max: 15, remaining: 15, resetsAt: undefined },
      },
    });
    expect(status.metrics.tokens.resetsAt).toBeGreaterThan(status.metrics.contacts.asOf ?? Infinity);
    expect(Object.keys(status.metrics)).toEqual(quota.metrics);
  });

  it("marks the count of unlimited rows as not exact: they are not counted", async () => {
    const { metrics: found } = await quota.status(tenantOn("max"));
    expect(found.contacts).toMatchObject({ kind: "unlimited", limit: Infinity, remaining: Infinity, exact: false });
    expect(found.tokens).toMatchObject({ kind: "unlimited", exact: true });
    expect(JSON.parse(JSON.stringify(found.contacts))).toMatchObject({ limit: null, used: 0 });
  });

  it("reads each backend once for a status", async () => {
    const tenantId = tenantOn("free");
    await quota.status(tenantId);
    const reads: string[] = [];
    const spied = createQuota({
      metrics: { contacts: metrics.contacts, deals: rows(), tokens: metrics.tokens, calls: metrics.calls },
      plans,
      rows: { ...harness.store, read: async (...args) => (reads.push("rows"), harness.store.read(...args)) },
      usage: { ...memoryUsage(), read: async (input) => (reads.push("usage"), memoryUsage().read(input)) },
      subscription: () => ({ anchor: 0 }),
    });
    await spied.status(tenantId);
    expect(reads.toSorted()).toEqual(["rows", "usage"]);
  });

  it("checks without holding units", async () => {
    const tenantId = tenantOn("free");
    await harness.transaction((tx) => quota.use(tenantId, { deals: 4 }, { tx }));
    expect(await quota.check(tenantId, "deals")).toMatchObject({ allowed: true, requested: 1, refusal: undefined });
    expect(await quota.check(tenantId, "deals", 2)).toMatchObject({
      metric: "deals",
      allowed: false,
      requested: 2,
      remaining: 1,
      refusal: { limit: 5, used: 4, requested: 2, upgrade: { to: "pro" } },
    });
    await expect(quota.check(tenantId, "nope" as "deals")).rejects.toThrow('unknown metric "nope", known: contacts,');
  });

  it("rejects a status in time when the database does not answer", async () => {
    const { pgRows } = await import("./rows/pg.js");
    const hung = pgRows({ db: { query: () => new Promise<never>(() => undefined) }, timeoutMs: 20 });
    const quiet = createQuota({
      metrics,
      plans,
      rows: hung,
      usage: memoryUsage(),
      subscription: () => ({ anchor: 0 }),
    });
    await expect(quiet.status(tenantOn("free"))).rejects.toMatchObject({
      code: "SCALE_STORE",
      cause: { code: "SCALE_TIMEOUT" },
    });
  });
});
