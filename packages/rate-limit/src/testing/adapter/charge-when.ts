import { InputError, StoreError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { expect, it } from "vitest";
import { refundFail } from "../../events.js";
import type { ChargeWhen } from "../../http/guard.js";
import { createRateLimiter, type RateLimiter } from "../../limiter.js";
import { memoryStore } from "../../memory/store.js";
import type { RateLimitStore } from "../../types.js";
import type { StartLimited } from "./fixture.js";

/** The handler fails when the tenant is one of these. */
const FAILING = "failing";

const limiterOn = (store: RateLimitStore): RateLimiter =>
  createRateLimiter({ rules: { ip: { limit: 3, window: "1m" } }, store });

async function serve(start: StartLimited, limiter: RateLimiter, chargeWhen: ChargeWhen) {
  let tenantId = "";
  const options = { chargeWhen, subject: () => ({ ip: "192.0.2.1" }) };
  const get = await start([{ limiter, options }], async () => {
    if (tenantId === FAILING) throw new InputError("the password is wrong");
    return "welcome";
  });
  return async (tenant: string): Promise<number> => {
    tenantId = tenant;
    const response = await get(tenant);
    await response.text();
    return response.status;
  };
}

const left = async (limiter: RateLimiter): Promise<number | undefined> =>
  (await limiter.peek({ ip: "192.0.2.1" })).limits[0]?.remaining;

export function testChargeWhen(start: StartLimited): void {
  it.each<[string, ChargeWhen, "ok" | typeof FAILING]>([
    ["failed", "failed", "ok"],
    ["successful", "successful", FAILING],
    ["by a function", ({ status, complete }) => !complete || status === 400, "ok"],
    ["by a function that resolves", async ({ status }) => status === 200, FAILING],
  ])("gives the units of other requests back at the end of their response: %s", async (_, chargeWhen, free) => {
    const limiter = limiterOn(memoryStore({ clock: createManualClock() }));
    const send = await serve(start, limiter, chargeWhen);
    const charged = free === "ok" ? FAILING : "ok";
    const [freeStatus, chargedStatus] = free === "ok" ? [200, 400] : [400, 200];
    for (let i = 0; i < 5; i++) {
      expect(await send(free)).toBe(freeStatus);
      // The server sees the end of its response after the client has it.
      await expect.poll(() => left(limiter)).toBe(3);
    }
    for (const remaining of [2, 1, 0]) {
      expect(await send(charged)).toBe(chargedStatus);
      expect(await left(limiter)).toBe(remaining);
    }
    expect(await send(free)).toBe(429);
    limiter.close();
  });
}

export function testChargeFailures(start: StartLimited): void {
  it("charges before the handler runs, so that no more requests than the limit are in progress", async () => {
    const limiter = limiterOn(memoryStore({ clock: createManualClock() }));
    let running = 0;
    let most = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const options = { chargeWhen: "failed" as const, subject: () => ({ ip: "192.0.2.1" }) };
    const get = await start([{ limiter, options }], async () => {
      running += 1;
      most = Math.max(most, running);
      await released;
      running -= 1;
      return "ok";
    });
    const answers = Array.from({ length: 12 }, async () => (await get("acme")).status);
    await Promise.race(answers);
    release();
    const statuses = (await Promise.all(answers)).toSorted((a, b) => a - b);
    expect(most).toBeLessThanOrEqual(3);
    expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
    expect(statuses).toContain(429);
    limiter.close();
  });

  it("publishes a refund that fails, and keeps the request charged", async () => {
    const failed: unknown[] = [];
    const stop = refundFail.subscribe((failure) => failed.push(failure));
    const memory = memoryStore({ clock: createManualClock() });
    const limiter = limiterOn({ ...memory, refund: () => Promise.reject(new StoreError("at 10.0.0.5")) });
    const send = await serve(start, limiter, "failed");
    expect(await send("ok")).toBe(200);
    await expect.poll(() => failed.length).toBe(1);
    stop();
    expect(failed[0]).toMatchObject({
      limiter: "api",
      tenantId: undefined,
      decision: { allowed: true, cost: 1 },
      error: { code: "SCALE_STORE" },
    });
    expect(await left(limiter)).toBe(2);
    limiter.close();
  });
}
