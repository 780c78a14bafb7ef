import { createPlanResolver, definePlans, hard } from "@scale/core";
import { describe, expect, it } from "vitest";
import { usage } from "./options.js";
import { checkQuota, quotaStatus } from "./fetch.js";
import { createQuota } from "./quota.js";
import { memoryUsage } from "./usage/memory-store.js";

const plans = definePlans({ free: { quota: { tokens: hard(1000) } }, pro: { quota: { tokens: hard(5000) } } });
const quota = createQuota({
  metrics: { tokens: usage({ per: "month" }) },
  plans: createPlanResolver({ plans, lookup: () => "free" }),
  usage: memoryUsage(),
  subscription: () => ({ anchor: 0 }),
});

const tenant = (facts: { header(name: string): string | undefined }): string => facts.header("x-tenant-id") ?? "";
const post = (tenantId: string): Request =>
  new Request("http://localhost/answers", { method: "POST", headers: { "x-tenant-id": tenantId } });

describe("quotas in fetch handlers", () => {
  it("refuses early, and gives the error of the handler's reservation the same reply", async () => {
    let handled = 0;
    const POST = checkQuota(quota, "tokens", { tenant })(async (request: Request, _context: { id: number }) => {
      handled++;
      const reservation = await quota.reserve(request.headers.get("x-tenant-id") ?? "", { tokens: 600 });
      return Response.json(await reservation.commit());
    });
    const first = await POST(post("acme"), { id: 1 });
    const late = await POST(post("acme"), { id: 1 });
    await quota.consume("acme", { tokens: 400 });
    const early = await POST(post("acme"), { id: 1 });
    expect([first.status, late.status, early.status, handled]).toEqual([200, 402, 402, 2]);
    expect(late.headers.get("content-type")).toBe("application/problem+json");
    expect(await late.json()).toMatchObject({ code: "SCALE_QUOTA", used: 600, requested: 600 });
    expect(await early.json()).toMatchObject({ code: "SCALE_QUOTA", used: 1000, requested: 1 });
  });

  it("rejects with every other error", async () => {
    const POST = checkQuota(quota, "tokens", { tenant })(() => Promise.reject(new Error("a mistake")));
    await expect(POST(post("globex"))).rejects.toThrow("a mistake");
  });

  it("replies with a tenant's quotas", async () => {
    await quota.consume("initech", { tokens: 7 });
    const GET = quotaStatus(quota, { authorize: ({ header }) => header("authorization") === "admin" });
    const get = (authorization: string): Promise<Response> =>
      GET(new Request("http://localhost/api/admin/quotas/initech", { headers: { authorization } }));
    expect((await get("nobody")).status).toBe(403);
    const response = await get("admin");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ metrics: { tokens: { used: 7, limit: 1000 } } });
  });
});
