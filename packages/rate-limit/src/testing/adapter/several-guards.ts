import { createPlanResolver, definePlans } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { expect, it } from "vitest";
import type { RateLimitGuardOptions } from "../../http/guard.js";
import { createRateLimiter, type RateLimiter } from "../../limiter.js";
import { memoryStore } from "../../memory/store.js";
import { remainingOf, type StartLimited } from "./fixture.js";

const limit = { limit: 100, window: "1m" } as const;

function planned(): RateLimiter {
  const rules = { tenant: limit, user: { ...limit, whenSubjectMissing: "skip" } } as const;
  const plans = definePlans({ free: { rateLimit: { rules, groups: { ai: { tenant: { ...limit, limit: 10 } } } } } });
  const clock = createManualClock();
  return createRateLimiter({
    plans: createPlanResolver({ plans, lookup: () => "free", clock }),
    store: memoryStore({ clock }),
  });
}

const ann = { tenantId: "acme", userId: "ann" };
const inGroup: RateLimitGuardOptions = { group: "ai", subject: () => ann, cost: 3 };

export function testSeveralGuards(start: StartLimited): void {
  it.each<[string, RateLimitGuardOptions, Record<string, number>]>([
    ["charged the same subject", { subject: () => ann }, { tenant: 99, user: 99, "ai.tenant": 7 }],
    ["charged nothing", { subject: () => ann, cost: 0 }, { tenant: 97, user: 97, "ai.tenant": 7 }],
    ["skipped the request", { skip: () => true }, { tenant: 97, user: 97, "ai.tenant": 7 }],
    [
      "charged another tenant",
      { subject: () => ({ ...ann, tenantId: "globex" }) },
      { tenant: 97, user: 97, "ai.tenant": 7 },
    ],
    // Without a user the first guard charged one of the two rules.
    ["charged the tenant only", { subject: () => ({ tenantId: "acme" }) }, { tenant: 99, user: 97, "ai.tenant": 7 }],
  ])("charges every rule of a plan once, for a group after a guard that %s", async (_, options, left) => {
    const limiter = planned();
    const get = await start([
      { limiter, options },
      { limiter, options: inGroup },
    ]);
    expect((await get("acme")).status).toBe(200);
    const { limits } = await limiter.peek(ann, { group: "ai" });
    expect(Object.fromEntries(limits.map(({ name, remaining }) => [name, remaining]))).toEqual(left);
  });

  it("names each policy once when two limiters have rules of one name, or one limiter decides twice", async () => {
    const by = (perMinute: number, name: string): RateLimiter =>
      createRateLimiter({
        name,
        rules: { ip: { limit: perMinute, window: "1m" } },
        store: memoryStore({ clock: createManualClock() }),
      });
    const options: RateLimitGuardOptions = { subject: () => ({ ip: "192.0.2.1" }) };
    const api = by(9, "api");
    const get = await start([
      { limiter: api, options },
      { limiter: by(5, "login"), options },
      { limiter: by(1, "login"), options },
      { limiter: api, options: { ...options, cost: 0 } },
    ]);
    const first = await get("acme");
    expect(remainingOf(first)).toEqual({ ip: 8, "login:ip": 4, "login:ip:2": 0 });
    expect(first.headers.get("ratelimit-policy")).toBe('"login:ip";q=5;w=60, "login:ip:2";q=1;w=60, "ip";q=9;w=60');
    const denied = await get("acme");
    expect(denied.status).toBe(429);
    expect(await denied.json()).toMatchObject({ "violated-policies": ["login:ip:2"] });
    expect(remainingOf(denied)).toEqual({ ip: 7, "login:ip": 3, "login:ip:2": 0 });
  });
}
