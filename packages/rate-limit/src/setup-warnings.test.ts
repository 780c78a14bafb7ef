import { createPlanResolver, definePlans } from "@scale/core";
import { chain, type HttpFacts } from "@scale/http";
import { createFacts, type FactsInit } from "@scale/http/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RateLimitGuardOptions, rateLimitGuard } from "./http/guard.js";
import { createRateLimiter, type RateLimiter } from "./limiter.js";
import { memoryStore } from "./memory/store.js";
import { registerLimiterName, type SetupWarning, setupWarn } from "./setup-warnings.js";

const published: SetupWarning[] = [];
const emitted: Error[] = [];
const note = (warning: Error): void => void emitted.push(warning);
let stop = (): void => undefined;

beforeEach(() => {
  stop = setupWarn.subscribe((warning) => published.push(warning));
  process.on("warning", note);
});
afterEach(() => {
  stop();
  process.off("warning", note);
  published.length = 0;
  emitted.length = 0;
});

/** The codes of the warnings so far. The process emits them in the next turn of the event loop. */
async function codes(): Promise<string[]> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  const ours = emitted.filter(({ name }) => name === "ScaleWarning");
  expect(ours).toMatchObject(published.map(({ code, message, docs }) => ({ code, message, detail: docs })));
  return published.map(({ code }) => code);
}

/** A request whose guards share one framework request object. */
const request = (init: FactsInit): HttpFacts => ({ ...createFacts(init), raw: {} });

describe("setup warning: forwarded", () => {
  const guardOf = (options: RateLimitGuardOptions<never> = {}) =>
    rateLimitGuard(createRateLimiter({ rules: { ip: { limit: 100, window: "1m" } } }), {
      subject: ({ remoteAddress }) => ({ ip: remoteAddress?.replace("::ffff:", "") ?? "" }),
      ...options,
    });

  it.each([
    ["10.1.2.3", "x-forwarded-for"],
    ["127.0.0.1", "forwarded"],
    ["::1", "forwarded"],
    ["::ffff:172.31.0.1", "x-forwarded-for"],
    ["fd00::7", "x-forwarded-for"],
    ["fe80::1%eth0", "x-forwarded-for"],
  ])("warns once when %s is counted, which forwards by %s", async (remoteAddress, header) => {
    const guard = guardOf();
    for (let i = 0; i < 3; i++) await guard(request({ remoteAddress, headers: { [header]: "203.0.113.7" } }));
    expect(await codes()).toEqual(["SCALE_SETUP_FORWARDED"]);
    expect(published[0]).toMatchObject({ limiter: "api", docs: "docs/guides/rate-limit-wiring.md#forwarded" });
  });

  it("does not warn of a direct client, a public one, a forwarded one, or a string that is not an address", async () => {
    await guardOf()(request({ remoteAddress: "10.1.2.3" }));
    await guardOf()(request({ remoteAddress: "203.0.113.7", headers: { "x-forwarded-for": "1.2.3.4" } }));
    const named = guardOf({ subject: () => ({ ip: "203.0.113.7" }) });
    await named(request({ remoteAddress: "10.1.2.3", headers: { "x-forwarded-for": "203.0.113.7" } }));
    await guardOf()(request({ remoteAddress: "pipe", headers: { "x-forwarded-for": "203.0.113.7" } }));
    expect(await codes()).toEqual([]);
  });
});

describe("setup warning: double", () => {
  const user = { limit: 100, window: "1m", whenSubjectMissing: "skip" } as const;
  const rules = { tenant: { limit: 100, window: "1m" }, user } as const;
  const group = { tenant: { limit: 100, window: "1m" } } as const;
  const plans = createPlanResolver({
    plans: definePlans({ free: { rateLimit: { rules, groups: { ai: group, upload: group } } } }),
    lookup: () => "free",
  });
  const subject = () => ({ tenantId: "acme" });
  const guards = (...options: RateLimitGuardOptions[]) => {
    const limiter: RateLimiter = createRateLimiter({ plans });
    return chain(...options.map((each) => rateLimitGuard(limiter, { subject, ...each })));
  };

  it.each<[string, RateLimitGuardOptions[]]>([
    ["its own rules", [{}, {}]],
    ["its own rules, by a group first", [{ group: "ai" }, {}]],
    ["a group", [{}, { group: "ai" }, { group: "ai" }]],
  ])("warns once when a limiter charges %s twice", async (_, options) => {
    const guard = guards(...options);
    await guard(request({}));
    await guard(request({}));
    expect(await codes()).toEqual(["SCALE_SETUP_DOUBLE"]);
  });

  it("does not warn of groups after the plan's own rules, of other subjects, of a cost of 0, and of two requests", async () => {
    const guard = guards({}, { group: "ai" }, { group: "upload" });
    await guard(request({}));
    await guard(request({}));
    await guards({}, { subject: () => ({ tenantId: "acme", userId: "ann" }) })(request({}));
    await guards({ cost: 0 }, { cost: 0 }, {})(request({}));
    expect(await codes()).toEqual([]);
  });
});

describe("setup warning: ip unknown", () => {
  const tenant = { limit: 100, window: "1m" } as const;
  const ip = tenant;
  const planned = (rules: object, groups: object = {}): RateLimiter =>
    createRateLimiter({
      plans: createPlanResolver({
        plans: definePlans({ free: { rateLimit: { rules, groups } as never } }),
        lookup: () => "free",
      }),
    });
  const subject = () => ({ tenantId: "acme" });

  it("warns once when a plan counts addresses and the subject has none", async () => {
    const guard = rateLimitGuard(planned({ tenant, ip }), { subject });
    for (let i = 0; i < 2; i++)
      await expect(guard(request({}))).rejects.toMatchObject({ code: "SCALE_SUBJECT", by: "ip" });
    expect(await codes()).toEqual(["SCALE_SETUP_IP_UNKNOWN"]);
    const ai = rateLimitGuard(planned({ tenant }, { ai: { ip: { ...ip, whenSubjectMissing: "skip" } } }), {
      subject,
      group: "ai",
    });
    await ai(request({}));
    expect(await codes()).toHaveLength(2);
  });

  it("warns when a subject has nothing to count, and throws as the limiter does", async () => {
    const limiter = createRateLimiter({ rules: { ip } });
    const guard = rateLimitGuard(limiter, { subject: () => ({}) });
    for (let i = 0; i < 2; i++) {
      await expect(guard(request({}))).rejects.toMatchObject({ code: "SCALE_SUBJECT" });
    }
    expect(await codes()).toEqual(["SCALE_SETUP_IP_UNKNOWN"]);
  });

  it("does not warn of a subject with an address, and of plans without such rules", async () => {
    await rateLimitGuard(planned({ tenant, ip }), { subject: () => ({ ...subject(), ip: "192.0.2.1" }) })(request({}));
    await rateLimitGuard(planned({ tenant }), { subject })(request({}));
    expect(await codes()).toEqual([]);
  });
});

describe("setup warning: shared name", () => {
  it("warns of a second limiter of one name on one store", async () => {
    const store = memoryStore();
    registerLimiterName(memoryStore(), "api");
    registerLimiterName(store, "web");
    registerLimiterName(store, "api");
    expect(await codes()).toEqual([]);
    registerLimiterName(store, "api");
    registerLimiterName(store, "api");
    expect(await codes()).toEqual(["SCALE_SETUP_SHARED_NAME"]);
    expect(published[0]?.message).toContain('"api"');
  });

  it("removes a closed limiter once", async () => {
    const store = memoryStore();
    const first = registerLimiterName(store, "api");
    first();
    const second = registerLimiterName(store, "api");
    expect(await codes()).toEqual([]);
    registerLimiterName(store, "api");
    second();
    second();
    registerLimiterName(store, "api");
    expect(await codes()).toEqual(["SCALE_SETUP_SHARED_NAME", "SCALE_SETUP_SHARED_NAME"]);
  });

  it("does not warn of limiters that share their name on purpose", async () => {
    const store = memoryStore();
    registerLimiterName(store, "api");
    registerLimiterName(store, "api", true);
    expect(await codes()).toEqual([]);
  });
});
