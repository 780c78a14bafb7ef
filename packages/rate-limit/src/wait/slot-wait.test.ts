import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { acme, globex, setUpWaits, type WaitStageOptions } from "../../test/wait-stage.js";
import type { ConsumeRequest, RateLimitStore, RateLimitSubject, Slot } from "../types.js";
import type { WaitOptions } from "./types.js";

const SEED = 20_261_130;
/** Two slots for each tenant. */
const two = { jobs: { by: "tenant", algorithm: "concurrency", limit: 2, ttl: "1m" } } as const;

/** A stage whose requests wait for slots, and keep them by name. */
function setUpSlots({ createStore = (memory) => memory, ...options }: WaitStageOptions = {}) {
  const asked: ConsumeRequest[] = [];
  const stores: RateLimitStore[] = [];
  const stage = setUpWaits({
    rules: two,
    createStore: (memory) => {
      const store = createStore(memory);
      stores.push(memory);
      return {
        ...store,
        consume(request, late) {
          asked.push(request);
          return store.consume(request, late);
        },
      };
    },
    ...options,
  });
  const { clock, limiter, queue, timers } = stage;
  const startedAt = clock.monotonic();
  const slots = new Map<string, Slot>();
  const log: string[] = [];
  return {
    ...{ clock, timers, limiter, queue, asked, slots, log },
    async take(name: string, subject: RateLimitSubject = acme, options: WaitOptions = {}): Promise<void> {
      const turn = await queue.wait(subject, options, true);
      if (turn.allowed && turn.slot !== undefined) slots.set(name, turn.slot);
      log.push(`${name} ${turn.allowed ? "took" : turn.reason} at ${clock.monotonic() - startedAt}`);
    },
    async release(name: string): Promise<void> {
      await slots.get(name)?.release();
      await timers.settle();
    },
    /** Frees the slot of an earlier request, as another process does: this one is not told. */
    async releaseElsewhere({ tenantId, slot = "", charges }: ConsumeRequest): Promise<void> {
      for (const store of stores) await store.release({ tenantId, slot, charges });
    },
  };
}

const as = (userId: string): RateLimitSubject => ({ tenantId: "acme", userId });

/** A memory store that answers in a later turn of the event loop. */
const remote = (memory: RateLimitStore): RateLimitStore => ({
  ...memory,
  settlesWithinMs: 1000,
  async consume(request: ConsumeRequest) {
    const result = await memory.consume(request);
    await new Promise((resolve) => setImmediate(resolve));
    return result;
  },
});

describe("a wait for a slot", () => {
  it("ends at once while a slot is free, and when this process releases one, in order of arrival", async () => {
    const { take, release, timers, log, queue } = setUpSlots();
    const all = Promise.all(["a", "b", "c", "d"].map((name) => take(name)));
    await timers.settle();
    expect([log, queue.size]).toEqual([["a took at 0", "b took at 0"], 2]);
    await timers.advance(300);
    await release("b");
    expect(log.slice(2)).toEqual(["c took at 300"]);
    await timers.advance(50);
    await release("a");
    await all;
    expect(log.slice(3)).toEqual(["d took at 350"]);
    await timers.settle();
    expect([queue.size, timers.pending]).toEqual([0, 0]);
  });

  it("ends when a slot is released that the queue did not take", async () => {
    const { take, timers, log, limiter } = setUpSlots();
    const [held] = [await limiter.acquire(acme), await limiter.acquire(acme)];
    const waiting = take("w");
    await timers.advance(100);
    await held.release();
    await waiting;
    expect(log).toEqual(["w took at 100"]);
  });

  it("ends at the retry time, a second at the most, when another process has released a slot", async () => {
    const { take, timers, log, asked, releaseElsewhere } = setUpSlots();
    await Promise.all([take("a"), take("b")]);
    const waiting = take("w");
    await timers.advance(500);
    await releaseElsewhere(asked[0] as ConsumeRequest);
    await timers.advance(499);
    expect(log.length).toBe(2);
    await timers.advance(1);
    await waiting;
    expect(log[2]).toBe("w took at 1000");
  });

  it("is not held up by other tenants, nor by requests that need no slot", async () => {
    const { take, release, timers, log, queue } = setUpSlots({
      rules: { ...two, tenant: { limit: 100, window: "1s" } },
    });
    await Promise.all([take("a"), take("b")]);
    const waiting = take("c");
    await timers.settle();
    expect(await queue.wait(acme)).toMatchObject({ allowed: true, waitedMs: 0 });
    await take("g", globex);
    expect(log.at(-1)).toBe("g took at 0");
    await release("g");
    expect(log.length).toBe(3);
    await release("a");
    await waiting;
    expect(log.at(-1)).toBe("c took at 0");
  });

  it("asks once more when a slot is released while the limiter decides", async () => {
    const { take, timers, log, limiter, asked } = setUpSlots({ createStore: remote });
    const [held] = [await limiter.acquire(acme), await limiter.acquire(acme)];
    const waiting = take("w");
    while (asked.length < 3) await Promise.resolve();
    // The store has refused already, and its answer is on its way.
    await held.release();
    await timers.settle();
    await waiting;
    expect(log).toEqual(["w took at 0"]);
  });

  it("leaves a slot to the user with the longest wait whose own limit has room", async () => {
    const rules = { ...two, user: { limit: 1, window: "10s", algorithm: "fixed-window" } } as const;
    const { take, release, timers, log, asked } = setUpSlots({ rules });
    await Promise.all([take("a", as("ann")), take("b", as("bob"))]);
    // Ann's own limit opens at 10 s, Cid and Dan wait for slots alone.
    const options = { maxWaitMs: 60_000 };
    const all = [take("a2", as("ann"), options), take("c", as("cid"), options)];
    await timers.advance(10);
    all.push(take("d", as("dan"), options));
    await timers.advance(10);
    const before = asked.length;
    await release("a");
    expect([log.slice(2), asked.length - before]).toEqual([["c took at 20"], 1]);
    await release("b");
    expect(log.slice(3)).toEqual(["d took at 20"]);
    await release("c");
    await timers.advance(20_000);
    await Promise.all(all);
    expect(log.slice(4)).toHaveLength(1);
    expect(log[4]).toMatch(/^a2 took at /);
  });
});

describe("a wait for a slot among other queues of the tenant", () => {
  it("leaves a slot that its request may not take after all to the next queue", async () => {
    const rules = { ...two, user: { limit: 1, window: "10s", algorithm: "fixed-window" } } as const;
    const { take, release, timers, log, limiter } = setUpSlots({ rules });
    await Promise.all([take("c", as("cid")), take("d", as("dan"))]);
    const all = [take("a", as("ann"), { maxWaitMs: 60_000 }), take("b", as("bob"))];
    await timers.settle();
    // Ann's one unit goes to a request that needs no slot.
    expect((await limiter.check(as("ann"))).allowed).toBe(true);
    await release("c");
    expect(log.slice(2)).toEqual(["b took at 0"]);
    await release("d");
    await timers.advance(10_000);
    await Promise.all(all);
    expect(log.slice(3)).toEqual(["a took at 10000"]);
  });

  it("takes turns with them", async () => {
    const { take, release, timers, log } = setUpSlots();
    await Promise.all([take("x"), take("y")]);
    const all = ["a1", "a2"].map((name) => take(name, as("ann")));
    await timers.settle();
    all.push(...["b1", "b2"].map((name) => take(name, as("bob"))));
    await timers.settle();
    for (const name of ["x", "y", "a1", "b1"]) await release(name);
    await Promise.all(all);
    expect(log.slice(2).map((line) => line.split(" ")[0])).toEqual(["a1", "b1", "a2", "b2"]);
  });
});

describe("a wait for a slot: its end", () => {
  it("is a refusal at the deadline, after the limiter was asked once more", async () => {
    const { take, timers, log, asked, releaseElsewhere } = setUpSlots();
    await Promise.all([take("a"), take("b")]);
    const all = [take("w", acme, { maxWaitMs: 300 }), take("x", acme, { maxWaitMs: 400 })];
    await timers.advance(300);
    await releaseElsewhere(asked[0] as ConsumeRequest);
    await timers.advance(100);
    await Promise.all(all);
    expect(log.slice(2)).toEqual(["w deadline at 300", "x took at 400"]);
  });

  it("is a refusal at once for a full queue, and for no time to wait", async () => {
    const { take, timers, queue, release, log } = setUpSlots({ queueLimit: 1 });
    await Promise.all([take("a"), take("b")]);
    const waiting = take("c");
    await timers.settle();
    const full = await queue.wait(acme, {}, true);
    expect(full).toMatchObject({ allowed: false, reason: "queue-full", retryAfterMs: 1000 });
    await release("a");
    await waiting;
    const late = await queue.wait(acme, { maxWaitMs: 0 }, true);
    expect(late).toMatchObject({ allowed: false, reason: "deadline", waitedMs: 0, retryAfterMs: 1000 });
    expect(log.at(-1)).toBe("c took at 0");
  });

  it("is a rejection for an aborted signal, and a slot that is taken meanwhile goes to the next request", async () => {
    const { take, timers, queue, limiter, log } = setUpSlots({ createStore: remote });
    const held = await limiter.acquire(acme);
    const abort = new AbortController();
    const aborted = queue.wait(acme, { signal: abort.signal }, true).catch((error: unknown) => error);
    const next = take("n");
    abort.abort(new Error("client left"));
    expect(await aborted).toEqual(new Error("client left"));
    await next;
    await timers.settle();
    expect(log).toEqual(["n took at 0"]);
    await held.release();
    expect((await limiter.acquire(acme)).decision.limits[0]).toMatchObject({ name: "jobs", remaining: 0 });
  });

  it("is a refusal when the queue is closed, and a slot that is taken meanwhile is released", async () => {
    const { take, queue, timers, limiter, log } = setUpSlots({ createStore: remote });
    const all = ["a", "b", "c"].map((name) => take(name));
    queue.close();
    await Promise.all(all);
    await timers.settle();
    expect(log).toEqual(["a closed at 0", "b closed at 0", "c closed at 0"]);
    expect((await limiter.acquire(acme)).decision.limits[0]).toMatchObject({ remaining: 1 });
  });
});

/** One schedule of arrivals, aborts, releases and pauses of two tenants. @returns the stage, after all waits have ended */
async function runSchedule(random: () => number, limit: number) {
  const pick = (n: number): number => Math.floor(random() * n);
  const rules = { jobs: { by: "tenant", algorithm: "concurrency", limit, ttl: "1h" } } as const;
  const stage = setUpSlots({ rules, ...(pick(2) === 0 && { createStore: remote }), queueLimit: 1 + pick(10) });
  const { take, timers, slots, release } = stage;
  const counts = { arrived: 0, ended: 0, most: 0 };

  function arrive(): void {
    const tenantId = `t${pick(2)}`;
    const abort = new AbortController();
    const options = { maxWaitMs: pick(4000), signal: abort.signal };
    const onEnd = (): void => void counts.ended++;
    take(`${tenantId} ${counts.arrived++}`, { tenantId }, options).then(onEnd, onEnd);
    if (pick(6) === 0) setImmediate(() => abort.abort());
  }

  async function releaseOne(name: string | undefined): Promise<void> {
    if (name === undefined) return;
    await release(name);
    slots.delete(name);
  }

  for (let step = 0; step < 60; step++) {
    if (pick(2) === 0) arrive();
    else await releaseOne([...slots.keys()][pick(slots.size)]);
    if (pick(3) === 0) await timers.advance(pick(700));
    for (const tenant of ["t0", "t1"]) {
      counts.most = Math.max(counts.most, [...slots.keys()].filter((name) => name.startsWith(tenant)).length);
    }
  }
  while (counts.ended < counts.arrived || slots.size > 0) {
    for (const name of [...slots.keys()]) await releaseOne(name);
    await timers.advance(100);
  }
  await timers.settle();
  return { ...stage, most: counts.most };
}

describe("waits for slots under random schedules", () => {
  it(`hold no more than the slots, pass in order, and leave none taken (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let run = 0; run < 60; run++) {
      const limit = 1 + Math.floor(random() * 3);
      const { timers, log, queue, limiter, most } = await runSchedule(random, limit);
      expect(most, `run ${run}`).toBeLessThanOrEqual(limit);
      const took = log.filter((line) => line.includes("took")).map((line) => line.split(" "));
      for (const tenantId of ["t0", "t1"]) {
        const order = took.filter(([of]) => of === tenantId).map(([, id]) => Number(id));
        expect(order, `run ${run}`).toEqual(order.toSorted((a, b) => a - b));
        const slot = await limiter.acquire({ tenantId });
        expect(slot.decision.limits[0], `run ${run}`).toMatchObject({ remaining: limit - 1 });
      }
      expect([queue.size, timers.pending], `run ${run}`).toEqual([0, 0]);
    }
  });
});
