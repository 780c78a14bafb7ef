import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairGate } from "./fair-semaphore.js";

fc.configureGlobal({ seed: 20_261_120 });
const gate = (init: Partial<ConstructorParameters<typeof FairGate>[0]> = {}): FairGate =>
  new FairGate({ what: "tenant", total: 100, maxWaiting: 100, waitMs: 1_000, ...init });

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Enters, or notes the turn in which it was let in. */
function queue(own: FairGate, key: string, order: string[]): Promise<void> {
  return own.enter(key).then(() => void order.push(key));
}

describe("FairGate", () => {
  it("admits up to the limit of a key and the total, at once", () => {
    const own = gate({ total: 3 });
    expect([own.tryEnter("a", 2), own.tryEnter("a", 2), own.tryEnter("a", 2)]).toEqual([true, true, false]);
    expect([own.tryEnter("b", 2), own.tryEnter("b", 2)]).toEqual([true, false]);
    expect(own.running).toBe(3);
  });

  it("serves who waits key by key, however many one key has", async () => {
    const own = gate({ total: 1 });
    const order: string[] = [];
    expect(own.tryEnter("first", 9)).toBe(true);
    for (const key of ["a", "a", "a", "a", "b", "b", "c"]) {
      expect(own.tryEnter(key, 9)).toBe(false);
      void queue(own, key, order);
    }
    own.leave("first");
    for (let i = 0; i < 7; i += 1) {
      await settled();
      own.leave(order.at(-1) as string);
    }
    expect(order).toEqual(["a", "b", "c", "a", "b", "a", "a"]);
    expect([own.running, own.waiting]).toEqual([0, 0]);
  });

  it("holds up no other key when one is at its own limit", async () => {
    const own = gate();
    own.tryEnter("busy", 1);
    own.tryEnter("busy", 1);
    const order: string[] = [];
    void queue(own, "busy", order);
    expect(own.tryEnter("quiet", 1)).toBe(true);
    own.leave("busy");
    await settled();
    expect(order).toEqual(["busy"]);
  });

  it("refuses at once when too many of a key wait, and says so", async () => {
    const own = gate({ total: 1, maxWaiting: 1 });
    own.tryEnter("a", 1);
    void own.enter("a");
    await expect(own.enter("a")).rejects.toMatchObject({ code: "SCALE_BUSY", reason: "queue-full", status: 503 });
    const shedding = gate({ total: 1, maxWaiting: 0 });
    shedding.tryEnter("a", 1);
    await expect(shedding.enter("a")).rejects.toMatchObject({ reason: "shed" });
  });

  it("gives up when no place came in time, and forgets who waited", async () => {
    const own = gate({ total: 1, waitMs: 10 });
    own.tryEnter("a", 1);
    await expect(own.enter("b")).rejects.toMatchObject({ code: "SCALE_BUSY", reason: "waited-too-long" });
    expect(own.waiting).toBe(0);
    own.leave("a");
    expect(own.tryEnter("b", 1)).toBe(true);
  });

  it("lets nobody overtake those who wait for the same places", async () => {
    const own = gate({ total: 1 });
    own.tryEnter("a", 9);
    const order: string[] = [];
    own.tryEnter("b", 9);
    void queue(own, "b", order);
    own.leave("a");
    expect(own.tryEnter("c", 9)).toBe(false);
    await settled();
    expect(order).toEqual(["b"]);
  });

  it("lets in who waits when the limit of its key rises", async () => {
    const own = gate();
    own.tryEnter("a", 1);
    const order: string[] = [];
    own.tryEnter("a", 1);
    void queue(own, "a", order);
    own.tryEnter("a", 3);
    void queue(own, "a", order);
    await settled();
    expect(order).toEqual(["a", "a"]);
  });

  it("never exceeds a limit, and strands nobody, whatever comes", async () => {
    const step = fc.tuple(fc.constantFrom("enter", "leave"), fc.constantFrom("a" as const, "b" as const, "c" as const));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const own = gate({ total: 3 });
        const running = { a: 0, b: 0, c: 0 };
        const pending: Promise<void>[] = [];
        for (const [action, key] of steps) {
          if (action === "leave") {
            if (running[key] > 0) {
              running[key] -= 1;
              own.leave(key);
            }
          } else if (own.tryEnter(key, 2)) running[key] += 1;
          else pending.push(own.enter(key).then(() => void (running[key] += 1)));
          await settled();
          expect(Math.max(running.a, running.b, running.c)).toBeLessThanOrEqual(2);
          expect(own.running).toBe(running.a + running.b + running.c);
          expect(own.running).toBeLessThanOrEqual(3);
        }
        while (own.running > 0) {
          for (const key of ["a", "b", "c"] as const) {
            if (running[key] === 0) continue;
            running[key] -= 1;
            own.leave(key);
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
