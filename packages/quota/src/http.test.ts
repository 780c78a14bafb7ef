import { createPlanResolver, definePlans, hard, type PlanResolver, StoreError, tenancy } from "@scale/core";
import type { HttpFacts, Verdict } from "@scale/http";
import { factsFromFetch, problemFromError } from "@scale/http/adapter";
import { describe, expect, it } from "vitest";
import { planResolver } from "../test/plans.js";
import { QuotaExceeded } from "./errors.js";
import { quotaGuard, quotaReply, quotaStatusGuard } from "./http.js";
import { rows, usage } from "./options.js";
import { createQuota } from "./quota.js";
import type { Quota } from "./quota-interface.js";
import { memoryUsage } from "./usage/memory-store.js";

const noRows = {
  use: async () => [],
  giveBack: async () => [],
  read: async (_tenantId: string, names: readonly string[]) => names.map(() => ({ used: 9, asOf: 1_700_000_000_000 })),
  reconcile: async () => ({ before: 0, source: 0, drift: 0, corrected: true }),
};

const metrics = {
  contacts: rows(),
  deals: rows(),
  tokens: usage({ per: "month", unit: "tokens" }),
  calls: usage({ per: "forever" }),
};
type Metrics = typeof metrics;

function newQuota(): Quota<Metrics, unknown> {
  return createQuota({
    metrics,
    plans: planResolver(),
    rows: noRows,
    usage: memoryUsage(),
    subscription: () => ({ anchor: 0 }),
  });
}

const noTenants = (): PlanResolver =>
  createPlanResolver({ plans: definePlans({ free: { quota: { calls: hard(1) } } }), lookup: () => undefined });

const facts = (path = "/", method = "GET"): HttpFacts =>
  factsFromFetch(new Request(`http://localhost${path}`, { method }), undefined);

describe("quotaGuard", () => {
  it("admits a request when there is room for its cost", async () => {
    const guard = quotaGuard(newQuota(), "contacts", { tenant: () => "free-1" });
    expect(await guard(facts())).toEqual({});
  });

  it("replies 402 with the count and the plan that has room", async () => {
    const guard = quotaGuard(newQuota(), "contacts", { cost: 2 });
    const { reply } = await tenancy.run({ tenantId: "free-1" }, () => guard(facts()) as Promise<Verdict>);
    expect(reply?.status).toBe(402);
    expect(reply?.headers).toEqual({ "content-type": "application/problem+json", "cache-control": "no-store" });
    expect(JSON.stringify(reply?.body)).toBe(
      '{"title":"Payment Required","status":402,"detail":"The plan free admits 10 of contacts: 9 are used, and 2 more ' +
        'were requested. The plan pro has room for that.","code":"SCALE_QUOTA","metric":"contacts","plan":"free",' +
        '"limit":10,"max":10,"used":9,"held":0,"requested":2,"upgrade":{"from":"free","to":"pro",' +
        '"url":"https://app.test/upgrade?from=free&to=pro"}}',
    );
  });

  it("replies with the time at which the count of a usage metric starts again", async () => {
    const quota = newQuota();
    await quota.consume("free-1", { tokens: 990 });
    await quota.reserve("free-1", { tokens: 5 });
    const guard = quotaGuard(quota, "tokens", { tenant: () => "free-1", cost: ({ url }) => url.length });
    expect(await guard(facts("/1234"))).toEqual({});
    const { reply } = await guard(facts("/12345"));
    expect(reply?.body).toMatchObject({
      detail: expect.stringContaining("admits 1000 of tokens: 990 are used and 5 are reserved, and 6 more"),
      resetsAt: expect.stringMatching(/^\d{4}-\d\d-01T00:00:00.000Z$/),
    });
  });

  it("follows whenStoreFails when the count cannot be read", async () => {
    const error = new StoreError("the database is down");
    const failing = { check: () => Promise.reject(error) };
    const options = { tenant: () => "free-1" };
    await expect(quotaGuard(failing, "contacts", options)(facts())).rejects.toBe(error);
    expect(await quotaGuard(failing, "contacts", { ...options, whenStoreFails: "allow" })(facts())).toEqual({});
    const broken = { check: () => Promise.reject(new TypeError("a mistake")) };
    const guard = quotaGuard(broken, "contacts", { ...options, whenStoreFails: "allow" });
    await expect(guard(facts())).rejects.toThrow("a mistake");
  });

  it("waits for its callbacks", async () => {
    const guard = quotaGuard(newQuota(), "contacts", { tenant: async () => "free-1", cost: async () => 2 });
    expect((await guard(facts())).reply?.status).toBe(402);
    const small = quotaGuard(newQuota(), "contacts", { tenant: async () => "free-1", cost: async () => 1 });
    expect(await small(facts())).toEqual({});
  });

  it.each<[string, object]>([
    ["tenant: expected the id of a tenant, got undefined", { tenant: () => undefined }],
    ["tenant: expected the id of a tenant, got null", { tenant: async () => null }],
    ["cost: expected an integer >= 0, got NaN", { cost: () => NaN }],
    ['cost: expected an integer >= 0, got "1"', { cost: async () => "1" }],
  ])("throws with the name of the option when a callback returns something else: %s", async (message, options) => {
    const guard = quotaGuard(newQuota(), "contacts", { tenant: () => "free-1", ...options });
    await expect(guard(facts())).rejects.toThrow(`quotaGuard: ${message}`);
  });

  it("checks a preflight as every other request", async () => {
    const options = { tenant: () => "free-1", cost: 2 };
    const preflight = factsFromFetch(
      new Request("http://localhost/", { method: "OPTIONS", headers: { "access-control-request-method": "POST" } }),
    );
    expect((await quotaGuard(newQuota(), "contacts", options)(preflight)).reply?.status).toBe(402);
    expect((await quotaGuard(newQuota(), "contacts", options)(facts("/", "OPTIONS"))).reply?.status).toBe(402);
  });

  it("names the wrong option", () => {
    expect(() => quotaGuard(newQuota(), "contacts", { cost: -1 })).toThrow("quotaGuard: cost: ");
    expect(() => quotaGuard({} as never, "contacts")).toThrow("quotaGuard: expected a quota, got {}");
  });
});

describe("QuotaExceeded", () => {
  it("gets the same reply when a handler throws it, also from another copy of the package", () => {
    const counts = { limit: 1, max: 1, used: 1, held: 0, requested: 1, upgrade: undefined, resetsAt: undefined };
    const refusal = { tenantId: "acme", metric: "deals", plan: "max", ...counts };
    const error = new QuotaExceeded(refusal);
    const copy = Object.create({ [Symbol.for("@scale/error")]: true }, Object.getOwnPropertyDescriptors(error));
    for (const thrown of [error, copy]) {
      expect(JSON.stringify(problemFromError(thrown))).toBe(JSON.stringify(quotaReply(refusal)));
      expect(problemFromError(thrown)).toMatchObject({
        status: 403,
        body: {
          title: "Forbidden",
          detail: "The plan max admits 1 of deals: 1 are used, and 1 more were requested.",
          code: "SCALE_QUOTA",
        },
      });
    }
    expect(JSON.stringify(problemFromError(error))).not.toContain("acme");
    const upgrade = { from: "max", to: "more" };
    expect(problemFromError(new QuotaExceeded({ ...refusal, upgrade }))).toMatchObject({
      status: 402,
      body: { title: "Payment Required", upgrade },
    });
  });
});

describe("quotaStatusGuard", () => {
  const authorize = ({ url }: HttpFacts): boolean => !url.includes("secret");

  it("replies with every metric of the tenant in the path", async () => {
    const quota = newQuota();
    await quota.consume("free-1", { calls: 4 });
    const { reply } = await quotaStatusGuard(quota, { authorize })(facts("/api/admin/quotas/free-1?a=b"));
    expect(reply).toMatchObject({ status: 200, headers: { "cache-control": "no-store" } });
    const body: unknown = JSON.parse(JSON.stringify(reply?.body));
    expect(body).toMatchObject({
      tenantId: "free-1",
      metrics: {
        contacts: { plan: "free", kind: "hard", used: 9, limit: 10, remaining: 1, resetsAt: null, exact: true },
        calls: { kind: "soft", used: 4, limit: 10, max: 15 },
        tokens: { unit: "tokens", resetsAt: expect.stringMatching(/T00:00:00.000Z$/) },
      },
    });
    expect(body).toMatchObject({ metrics: { contacts: { asOf: "2023-11-14T22:13:20.000Z" } } });
  });

  it("replies 403 to requests that are not authorized, whether the tenant exists or not", async () => {
    const guard = quotaStatusGuard(newQuota(), { authorize });
    for (const path of ["/secret/free-1", "/secret/nobody-1"]) {
      const { reply } = await guard(facts(path));
      expect(reply).toMatchObject({ status: 403, body: { detail: "These quotas are not yours to see." } });
    }
    const later = quotaStatusGuard(newQuota(), { authorize: async () => false, tenant: async () => "free-1" });
    expect((await later(facts("/"))).reply?.status).toBe(403);
  });

  it("throws with the name of the option when a callback returns something else", async () => {
    for (const authorize of [() => "yes", async () => 1, () => undefined]) {
      const guard = quotaStatusGuard(newQuota(), { authorize: authorize as never });
      await expect(guard(facts("/free-1"))).rejects.toThrow(
        "quotaStatusGuard: authorize: expected true or false, got ",
      );
    }
    const guard = quotaStatusGuard(newQuota(), { authorize, tenant: () => 7 as never });
    await expect(guard(facts("/free-1"))).rejects.toThrow(
      "quotaStatusGuard: tenant: expected a string or undefined, got 7",
    );
  });

  it("replies 404 for an unknown tenant, and for a path without a tenant", async () => {
    const guard = quotaStatusGuard(newQuota(), { authorize });
    for (const path of ["/quotas/", "/quotas/%ff"]) expect((await guard(facts(path))).reply?.status).toBe(404);
    const broken = { status: () => Promise.reject(new StoreError("the database is down")) };
    await expect(quotaStatusGuard(broken, { authorize })(facts("/free-1"))).rejects.toThrow("the database is down");
    const other = { status: () => Promise.reject(Object.assign(new Error("a mistake"), { status: 403 })) };
    await expect(quotaStatusGuard(other, { authorize })(facts("/free-1"))).rejects.toThrow("a mistake");
    const none = createQuota({
      metrics: { calls: usage({ per: "forever" }) },
      plans: noTenants(),
      usage: memoryUsage(),
    });
    expect((await quotaStatusGuard(none, { authorize })(facts("/nobody"))).reply?.status).toBe(404);
  });

  it("rejects an invalid tenant id", async () => {
    const guard = async (): Promise<Verdict> =>
      quotaStatusGuard(newQuota(), { authorize })(facts(`/quotas/free-${"x".repeat(1020)}`));
    const error: unknown = await guard().catch((cause: unknown) => cause);
    expect(problemFromError(error)).toMatchObject({ status: 400, body: { code: "SCALE_TENANT" } });
  });

  it("replies to GET and HEAD only", async () => {
    const { reply } = await quotaStatusGuard(newQuota(), { authorize })(facts("/free-1", "DELETE"));
    expect(reply).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("requires an authorize function", () => {
    expect(() => quotaStatusGuard(newQuota(), {} as never)).toThrow(
      "quotaStatusGuard: authorize: expected a function that decides which requests may see quotas, got undefined",
    );
  });
});
