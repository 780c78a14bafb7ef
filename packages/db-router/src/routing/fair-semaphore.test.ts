import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairSemaphore } from "./fair-semaphore.js";

fc.configureGlobal({ seed: 20_261_120 });
const semaphore = (init: Partial<ConstructorParameters<typeof FairSemaphore>[0]> = {}): FairSemaphore =>
  new FairSemaphore({ what: "tenant", total: 100, maxWaiting: 100, waitMs: 60_000, ...init });

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Queues, and records the order of admission. */
function queue(own: FairSemaphore, key: string, order: string[]): Promise<void> {
  return own.acquire(key).then(() => void order.push(key));
}

describe("FairSemaphore", () => {
  it("admits up to the limit of a key and the total, at once", () => {
    const own = semaphore({ total: 3 });
    expect([own.tryAcquire("a", 2), own.tryAcquire("a", 2), own.tryAcquire("a", 2)]).toEqual([true, true, false]);
    expect([own.tryAcquire("b", 2), own.tryAcquire("b", 2)]).toEqual([true, false]);
    expect(own.running).toBe(3);
  });

  it("serves the queues round-robin by key, however long one is", async () => {
    const own = semaphore({ total: 1 });
    const order: string[] = [];
    expect(own.tryAcquire("first", 9)).toBe(true);
    for (const key of ["a", "a", "a", "a", "b", "b", "c"]) {
      expect(own.tryAcquire(key, 9)).toBe(false);
      void queue(own, key, order);
    }
    own.release("first");
    for (let i = 0; i < 7; i += 1) {
      await settled();
      own.release(order.at(-1) as string);
    }
    expect(order).toEqual(["a", "b", "c", "a", "b", "a", "a"]);
    expect([own.running, own.waiting]).toEqual([0, 0]);
  });

  it("does not block other keys while one is at its own limit", async () => {
    const own = semaphore();
    own.tryAcquire("busy", 1);
    own.tryAcquire("busy", 1);
    const order: string[] = [];
    void queue(own, "busy", order);
    expect(own.tryAcquire("quiet", 1)).toBe(true);
    own.release("busy");
    await settled();
    expect(order).toEqual(["busy"]);
  });

  it("rejects at once when the queue of a key is full", async () => {
    const own = semaphore({ total: 1, maxWaiting: 1 });
    own.tryAcquire("a", 1);
    const waiting = own.acquire("a");
    await expect(own.acquire("a")).rejects.toMatchObject({ code: "SCALE_BUSY", reason: "queue-full", status: 503 });
    own.release("a");
    await waiting;
    const shedding = semaphore({ total: 1, maxWaiting: 0 });
    shedding.tryAcquire("a", 1);
    await expect(shedding.acquire("a")).rejects.toMatchObject({ reason: "shed" });
  });

  it("rejects a waiter after its timeout, and removes it from the queue", async () => {
    const own = semaphore({ total: 1, waitMs: 10 });
    own.tryAcquire("a", 1);
    await expect(own.acquire("b")).rejects.toMatchObject({ code: "SCALE_BUSY", reason: "waited-too-long" });
    expect(own.waiting).toBe(0);
    own.release("a");
    expect(own.tryAcquire("b", 1)).toBe(true);
  });

  it("does not let a new caller overtake the queue", async () => {
    const own = semaphore({ total: 1 });
    own.tryAcquire("a", 9);
    const order: string[] = [];
    own.tryAcquire("b", 9);
    void queue(own, "b", order);
    own.release("a");
    expect(own.tryAcquire("c", 9)).toBe(false);
    await settled();
    expect(order).toEqual(["b"]);
  });

  it("admits waiters when the limit of their key rises", async () => {
    const own = semaphore();
    own.tryAcquire("a", 1);
    const order: string[] = [];
    own.tryAcquire("a", 1);
    void queue(own, "a", order);
    own.tryAcquire("a", 3);
    void queue(own, "a", order);
    await settled();
    expect(order).toEqual(["a", "a"]);
  });

  it("never exceeds a limit, and admits every waiter in the end", async () => {
    const step = fc.tuple(
      fc.constantFrom("acquire", "release"),
      fc.constantFrom("a" as const, "b" as const, "c" as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const own = semaphore({ total: 3 });
        const running = { a: 0, b: 0, c: 0 };
        const pending: Promise<void>[] = [];
        for (const [action, key] of steps) {
          if (action === "release") {
            if (running[key] > 0) {
              running[key] -= 1;
              own.release(key);
            }
          } else if (own.tryAcquire(key, 2)) running[key] += 1;
          else pending.push(own.acquire(key).then(() => void (running[key] += 1)));
          await settled();
          expect(Math.max(running.a, running.b, running.c)).toBeLessThanOrEqual(2);
          expect(own.running).toBe(running.a + running.b + running.c);
          expect(own.running).toBeLessThanOrEqual(3);
        }
        while (own.running > 0) {
          for (const key of ["a", "b", "c"] as const) {
            if (running[key] === 0) continue;
            running[key] -= 1;
            own.release(key);
          }
          await settled();
        }
        await Promise.all(pending);
        expect(own.waiting).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
