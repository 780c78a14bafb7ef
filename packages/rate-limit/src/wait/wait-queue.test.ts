import { describe, expect, it } from "vitest";
import { acme, globex, paced, setUpWaits } from "../../test/wait-stage.js";
import { requestDecide, waitRefuse } from "../events.js";
import { createWaitQueue, type WaitQueueOptions } from "./wait-queue.js";

describe("createWaitQueue", () => {
  it("lets a request pass at once when there is room", async () => {
    const { queue } = setUpWaits();
    const result = await queue.wait(acme);
    expect(result).toMatchObject({ allowed: true, waitedMs: 0, decision: { allowed: true, decidedBy: "store" } });
    expect(queue.size).toBe(0);
  });

  it("lets the others wait for their turn, in order of arrival, with one timer", async () => {
    const { queue, timers, wait, log } = setUpWaits();
    const all = Promise.all(["a", "b", "c", "d"].map((name) => wait(name)));
    await timers.settle();
    expect([queue.size, timers.pending]).toEqual([3, 1]);
    await timers.advance(99);
    expect(log).toEqual(["a passed at 0"]);
    await timers.advance(1000);
    await all;
    expect(log).toEqual(["a passed at 0", "b passed at 100", "c passed at 200", "d passed at 300"]);
    expect([queue.size, timers.pending]).toEqual([0, 0]);
  });

  it("lets no small request pass a large one that came before", async () => {
    const { timers, wait, log } = setUpWaits({ rules: { tenant: { limit: 10, window: "1s" } } });
    const all = Promise.all([
      wait("first", acme, { cost: 8 }),
      wait("large", acme, { cost: 10 }),
      wait("small", acme, { cost: 1 }),
    ]);
    await timers.advance(1000);
    await all;
    expect(log).toEqual(["first passed at 0", "large passed at 800", "small passed at 900"]);
  });

  it("keeps a queue per subject and group", async () => {
    const rules = { ...paced, user: { limit: 1, window: "1m", whenSubjectMissing: "skip" } } as const;
    const { timers, wait, log } = setUpWaits({ rules });
    const ann = { tenantId: "acme", userId: "ann" };
    const all = Promise.all([wait("a1", ann), wait("a2", ann, { maxWaitMs: 60_000 }), wait("g1", globex)]);
    await timers.advance(200);
    await timers.advance(200);
    expect(log).toEqual(["a1 passed at 0", "g1 passed at 0"]);
    // The limit of one user does not hold up another user of the tenant.
    const bob = wait("b1", { tenantId: "acme", userId: "bob" });
    await timers.settle();
    expect(log.at(-1)).toBe("b1 passed at 400");
    await timers.advance(60_000);
    await Promise.all([all, bob]);
  });

  it("counts the addresses of one client as one subject, as the limiter does", async () => {
    const rules = { guests: { by: "ip", limit: 10, window: "1s", burst: 1 } } as const;
    const { queue, timers, wait, log } = setUpWaits({ rules, queueLimit: 2 });
    const ips = ["2001:db8::1", "2001:0db8:0:0::2", "2001:db8::ffff:3", "2001:db8::4"];
    const all = Promise.all(ips.map((ip, i) => wait(`${i}`, { ip, userId: null, keys: { email: null } })));
    await timers.settle();
    expect([queue.size, log]).toEqual([2, ["0 passed at 0", "3 queue-full at 0"]]);
    const other = wait("other", { ip: "2001:db8:0:100::1" });
    await timers.settle();
    expect(log.at(-1)).toBe("other passed at 0");
    await timers.advance(200);
    await Promise.all([all, other]);
    expect(log.slice(3)).toEqual(["1 passed at 100", "2 passed at 200"]);
  });

  it("sends many at once when a window opens, as far as there is room", async () => {
    const rules = { tenant: { limit: 20, window: "1m", algorithm: "fixed-window" } } as const;
    const { timers, wait, log } = setUpWaits({ rules });
    let checks = 0;
    const stop = requestDecide.subscribe(() => void checks++);
    const all = Promise.all(Array.from({ length: 50 }, (_, i) => wait(`${i}`, acme, { maxWaitMs: 200_000 })));
    await timers.advance(59_999);
    expect(log.length).toBe(20);
    checks = 0;
    await timers.advance(1);
    expect(log.length).toBe(40);
    // The first alone, the others together, and one that is denied.
    expect(checks).toBe(21);
    await timers.advance(60_000);
    await all;
    stop();
    expect(log.map((line) => Number.parseInt(line, 10))).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(log[45]).toBe("45 passed at 120000");
  });
});

describe("createWaitQueue: bounds", () => {
  it("refuses a request at once when the queue of its subject is full, and publishes it", async () => {
    const { timers, wait, log, queue } = setUpWaits({ queueLimit: 2 });
    const events: unknown[] = [];
    const stop = waitRefuse.subscribe((event) => events.push(event));
    const all = Promise.all(["a", "b", "c", "d"].map((name) => wait(name)));
    const other = Promise.all([wait("e", globex), wait("f", globex)]);
    await timers.settle();
    const late = await queue.wait(acme);
    expect(late).toMatchObject({ allowed: false, reason: "queue-full", retryAfterMs: 300, decision: undefined });
    expect(log).toContain("d queue-full at 0");
    await timers.advance(300);
    await Promise.all([all, other]);
    stop();
    expect(events[0]).toEqual({
      limiter: "api",
      tenantId: "acme",
      group: undefined,
      reason: "queue-full",
      waitedMs: 0,
      queued: 2,
    });
    expect(log).toContain("c passed at 200");
    expect(log).toContain("f passed at 100");
  });

  it("refuses a request when all queues together are full", async () => {
    const { timers, wait, log } = setUpWaits({ totalQueueLimit: 1 });
    const all = Promise.all([wait("a"), wait("b"), wait("e", globex), wait("f", globex)]);
    await timers.advance(100);
    await all;
    expect(log).toEqual(["a passed at 0", "e passed at 0", "f queue-full at 0", "b passed at 100"]);
  });

  it("refuses at once what would wait beyond its deadline, by its place in the queue", async () => {
    const { timers, wait, log, queue } = setUpWaits();
    const all = Promise.all([
      wait("a"),
      wait("b", acme, { maxWaitMs: 99 }),
      wait("c", acme, { maxWaitMs: 100 }),
      wait("d", acme, { maxWaitMs: 0 }),
    ]);
    await timers.settle();
    expect(await queue.wait(acme, { maxWaitMs: 199 })).toMatchObject({ reason: "deadline", retryAfterMs: 200 });
    const last = wait("e", acme, { maxWaitMs: 200 });
    await timers.settle();
    expect(log).toEqual(["a passed at 0", "b deadline at 0", "d deadline at 0"]);
    await timers.advance(200);
    await Promise.all([all, last]);
    expect(log.slice(3)).toEqual(["c passed at 100", "e passed at 200"]);
  });

  it("refuses at once what never fits, and waits for no window that is too far", async () => {
    const { queue } = setUpWaits({ rules: { tenant: { limit: 2, window: "1h", algorithm: "fixed-window" } } });
    expect(await queue.wait(acme, { cost: 3 })).toMatchObject({ reason: "deadline", retryAfterMs: Infinity });
    await queue.wait(acme, { cost: 2 });
    const result = await queue.wait(acme);
    expect(result).toMatchObject({ reason: "deadline", waitedMs: 0, decision: { violated: ["tenant"] } });
  });

  it("refuses at the deadline when another process takes the units meanwhile", async () => {
    const { clock, timers, wait, log, limiter } = setUpWaits();
    await wait("a");
    const all = Promise.all([wait("b", acme, { maxWaitMs: 1000 }), wait("c", acme, { maxWaitMs: 240 })]);
    await timers.settle();
    for (let unit = 0; unit < 2; unit++) {
      clock.advance(100);
      expect((await limiter.check(acme)).allowed).toBe(true);
      await timers.advance(0);
    }
    await timers.advance(100);
    await all;
    expect(log.slice(1)).toEqual(["c deadline at 240", "b passed at 300"]);
  });

  it("throws for a cost and a wait that make no sense, and names a wrong option", async () => {
    const { queue, limiter } = setUpWaits();
    await expect(queue.wait(acme, { cost: 0 })).rejects.toThrow("wait: cost: expected an integer >= 1, got 0");
    await expect(queue.wait(acme, { cost: 1.5 })).rejects.toThrow(TypeError);
    for (const maxWaitMs of [-1, Number.NaN, Infinity, 3_600_001, "1s" as never]) {
      await expect(queue.wait(acme, { maxWaitMs })).rejects.toThrow("wait: maxWaitMs: expected 0 to 3600000");
    }
    await expect(queue.wait({})).rejects.toMatchObject({ code: "SCALE_TENANT" });
    expect(() => createWaitQueue(limiter, { queueLimit: 0 })).toThrow("createWaitQueue: queueLimit");
    expect(() => createWaitQueue(limiter, { highWater: 1 } as WaitQueueOptions)).toThrow("createWaitQueue");
  });
});
