import { createManualClock } from "@scale/core/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import { memoryStore } from "../memory.js";
import type { RateLimitStore } from "../types.js";

/**
 * Starts a real server with `GET /`, which answers 200, behind two things: the tenant is taken from the header
 * `x-tenant-id`, and the limiter decides with all its defaults.
 */
export type ServeLimited = (limiter: RateLimiter) => Promise<{ url: string; close(): Promise<void> }>;

/** What every adapter answers on the wire, to the byte. */
export function describeRateLimitAdapter(name: string, serve: ServeLimited): void {
  describe(`rate limit adapter: ${name}`, () => {
    let close = async (): Promise<void> => undefined;
    afterEach(() => close());
    const start = async (limiter: RateLimiter): Promise<(tenantId: string) => Promise<Response>> => {
      const server = await serve(limiter);
      close = () => server.close();
      return (tenantId) => fetch(server.url, { headers: { "x-tenant-id": tenantId } });
    };

    it("tells the limits with every answer, and refuses what is above them", async () => {
      const get = await start(limiterOn(memoryStore({ clock: createManualClock() })));
      const first = await get("acme");
      expect([first.status, first.headers.get("ratelimit"), first.headers.get("ratelimit-policy")]).toEqual([
        200,
        '"tenant";r=1;t=30',
        '"tenant";q=2;w=60',
      ]);
      await get("acme");
      const denied = await get("acme");
      expect(denied.status).toBe(429);
      expect(headersOf(denied)).toEqual({
        "cache-control": "no-store",
        "content-type": "application/problem+json",
        ratelimit: '"tenant";r=0;t=30',
        "ratelimit-policy": '"tenant";q=2;w=60',
        "retry-after": "30",
      });
      expect(await denied.text()).toBe(
        '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",' +
          '"title":"Request cannot be satisfied as assigned quota has been exceeded","status":429,' +
          '"code":"SCALE_RATE_LIMITED","violated-policies":["tenant"],"retryAfterMs":30000}',
      );
    });

    it("counts each tenant alone", async () => {
      const get = await start(limiterOn(memoryStore({ clock: createManualClock() })));
      const statuses = async (tenantId: string): Promise<number[]> =>
        [await get(tenantId), await get(tenantId), await get(tenantId)].map(({ status }) => status);
      expect(await statuses("acme")).toEqual([200, 200, 429]);
      expect(await statuses("globex")).toEqual([200, 200, 429]);
    });

    it("answers 503 and when to try again, when it denies because the store is down", async () => {
      const down: RateLimitStore = { take: () => Promise.reject(new Error("ECONNRESET at 10.0.0.5")) };
      const get = await start(limiterOn(down, "deny"));
      const denied = await get("acme");
      expect([denied.status, denied.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(await denied.json()).toMatchObject({ status: 503, code: "SCALE_RATE_LIMIT_UNAVAILABLE" });
    });

    it("never shows a client why the store failed", async () => {
      const down: RateLimitStore = { take: () => Promise.reject(new Error("ECONNRESET at 10.0.0.5")) };
      const get = await start(limiterOn(down, "throw"));
      const failed = await get("acme");
      expect(failed.status).toBe(503);
      expect(await failed.text()).not.toContain("10.0.0.5");
    });
  });
}

const limiterOn = (store: RateLimitStore, whenStoreFails: "deny" | "throw" = "throw"): RateLimiter =>
  createRateLimiter({ store, whenStoreFails, rules: { tenant: { limit: 2, window: "1m" } } });

const headersOf = ({ headers }: Response): Record<string, string | null> =>
  Object.fromEntries(
    ["cache-control", "content-type", "ratelimit", "ratelimit-policy", "retry-after"].map((name) => [
      name,
      headers.get(name),
    ]),
  );
