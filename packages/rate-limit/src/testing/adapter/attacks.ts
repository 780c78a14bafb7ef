import { disconnectSeen, sendTarget } from "@scale/http/testing";
import { expect, it } from "vitest";
import { createRateLimiter, type RateLimiter } from "../../limiter.js";
import { memoryStore } from "../../memory/store.js";
import type { RateLimitSubject } from "../../types.js";
import type { StartLimited } from "./fixture.js";

const slots = (limit: number): RateLimiter =>
  createRateLimiter({ rules: { tenant: { limit, algorithm: "concurrency" } }, store: memoryStore() });

/** A handler that ends when the test lets it, whatever its client does. */
function slowHandler() {
  const seen = { running: 0, most: 0, started: 0 };
  const lefts: Promise<void>[] = [];
  let letGo = (): void => undefined;
  let gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const handle = async (request: object): Promise<unknown> => {
    lefts.push(disconnectSeen(request));
    seen.started += 1;
    seen.running += 1;
    seen.most = Math.max(seen.most, seen.running);
    await gate;
    seen.running -= 1;
    return "ok";
  };
  return {
    seen,
    handle,
    left: () => lefts.at(-1),
    letGo() {
      gate = Promise.resolve();
      letGo();
    },
  };
}

/** Waits until a handler has started or the response is there. */
async function startedOr(response: Promise<unknown>, started: () => boolean): Promise<void> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  response.then(over, over);
  while (!state.isOver && !started()) await new Promise((resolve) => setImmediate(resolve));
}

export function testHangUps(start: StartLimited): void {
  it("runs no more handlers than the limit for clients that hang up, and frees their slots when the handlers end", async () => {
    const limiter = slots(2);
    const { seen, handle, left, letGo } = slowHandler();
    const send = await start([{ limiter }], handle);
    const gone: Promise<unknown>[] = [];
    for (let client = 0; client < 12; client++) {
      const before = seen.started;
      const leave = new AbortController();
      const response = send("acme", {}, { signal: leave.signal }).catch(() => "left");
      await startedOr(response, () => seen.started > before);
      leave.abort();
      gone.push(response);
      await response;
      // A server whose runtime tells of disconnects has heard of this one.
      if (seen.started > before) await Promise.race([left(), new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    expect(seen).toMatchObject({ most: 2, started: 2 });
    letGo();
    await Promise.all(gone);
    await expect.poll(async () => (await send("acme")).status).toBe(200);
    limiter.close();
  });
}

export function testExemptions(start: StartLimited): void {
  it("counts preflights, which a client can send to every route", async () => {
    let handled = 0;
    const limiter = createRateLimiter({ rules: { tenant: { limit: 3, window: "1h" } }, store: memoryStore() });
    const send = await start([{ limiter }], async () => ++handled);
    for (let i = 0; i < 10; i++) {
      await send("acme", { "access-control-request-method": "POST", origin: "https://x" }, { method: "OPTIONS" });
    }
    expect(handled).toBeLessThanOrEqual(3);
    limiter.close();
  });

  it("gives skip the path that the router matches", async () => {
    let handled = 0;
    const limiter = createRateLimiter({ rules: { tenant: { limit: 3, window: "1h" } }, store: memoryStore() });
    const skip = ({ url }: { url: string }): boolean => url.split("?", 1)[0] === "/public";
    const send = await start([{ limiter, options: { skip } }], async (request) => {
      // A fetch request has one URL, which is resolved: the path that is skipped is the one that its handler sees.
      if (!(request instanceof Request && new URL(request.url).pathname === "/public")) handled += 1;
      return "ok";
    });
    const host = new URL(send.url).host;
    const targets = [
      "/../public",
      "/%2e%2e/public",
      "/.%2E/public",
      "\\public",
      "/public/..",
      "/public\\..",
      "/public#/",
    ];
    for (const target of targets) {
      for (let i = 0; i < 2; i++) {
        await sendTarget(send.url, `http://${host}${target}`, { "x-tenant-id": "acme" });
        await sendTarget(send.url, `http://${host}/public/..//`, { "x-tenant-id": "acme" });
      }
    }
    expect(handled).toBeLessThanOrEqual(3);
    limiter.close();
  });
}

export function testMissingSubjects(start: StartLimited): void {
  it.each<[string, RateLimitSubject]>([
    ["an address", { tenantId: "acme", userId: "ann" }],
    ["a user", { tenantId: "acme", ip: "192.0.2.1" }],
    ["both", { tenantId: "acme" }],
  ])("refuses requests that a rule cannot count: without %s", async (_, subject) => {
    let handled = 0;
    const rule = { limit: 3, window: "1h" } as const;
    const limiter = createRateLimiter({ rules: { ip: rule, user: rule }, store: memoryStore() });
    const send = await start([{ limiter, options: { subject: () => subject } }], async () => ++handled);
    const refused = await send("acme");
    expect([refused.status, await refused.json()]).toEqual([400, expect.objectContaining({ code: "SCALE_SUBJECT" })]);
    expect(handled).toBe(0);
    limiter.close();
  });

  it("counts requests without a subject together, where the rule says so", async () => {
    let handled = 0;
    const user = { limit: 3, window: "1h", whenSubjectMissing: "shared" } as const;
    const limiter = createRateLimiter({ rules: { user }, store: memoryStore() });
    const send = await start([{ limiter, options: { subject: () => ({ tenantId: "acme" }) } }], async () => ++handled);
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await send("acme")).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    limiter.close();
  });
}
