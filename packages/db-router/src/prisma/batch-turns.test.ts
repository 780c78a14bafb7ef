import { describe, expect, it } from "vitest";
import { type BatchOwner, BatchTurns } from "./batch-turns.js";

/** Dispatches as Prisma does: it reaches one dispatch for all calls of a tick by microtasks alone. */
function batches(turns: BatchTurns): { ask(owner: BatchOwner): Promise<void>; dispatched: BatchOwner[][] } {
  const dispatched: BatchOwner[][] = [];
  let batch: BatchOwner[] | undefined;
  async function ask(owner: BatchOwner): Promise<void> {
    const wait = turns.enter(owner);
    if (wait !== undefined) await wait;
    for (let i = 0; i < 20; i++) await undefined;
    if (batch === undefined) {
      const own: BatchOwner[] = (batch = []);
      process.nextTick(() => {
        dispatched.push(own);
        batch = undefined;
      });
    }
    batch.push(owner);
  }
  return { ask, dispatched };
}

const distinct = (batch: BatchOwner[]): number => new Set(batch).size;
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("BatchTurns", () => {
  it.each([
    ["in one tick", false],
    ["in several ticks", true],
  ])(
    "separates the batches of owners that call %s, and keeps the calls of one owner together",
    async (_how, inTicks) => {
      const { ask, dispatched } = batches(new BatchTurns());
      const sessions = [{}, {}, {}, {}, {}, undefined];
      const scopes = Array.from({ length: 30 }, (_, i) => ({ scope: sessions[i % 6], tenantId: `t${i % 5}` }));
      const asked = [...scopes, ...scopes, ...scopes].map(async (scope, i) => {
        if (inTicks)
          await new Promise<void>((resolve) => process.nextTick(() => (i % 2 ? setImmediate(resolve) : resolve())));
        await ask(scope);
      });
      await Promise.all(asked);
      await later();
      expect(dispatched.map(distinct)).toEqual(dispatched.map(() => 1));
      expect(dispatched.flat()).toHaveLength(90);
      // Calls of one tick are batched; others may be dispatched one by one.
      expect(dispatched.length).toBeLessThanOrEqual(inTicks ? 90 : 30);
    },
  );

  it("admits a single owner at once", async () => {
    const turns = new BatchTurns();
    const scope = { scope: {}, tenantId: undefined };
    expect(turns.enter(scope)).toBeUndefined();
    expect(turns.enter(scope)).toBeUndefined();
    await later();
    expect(turns.enter({ scope: undefined, tenantId: undefined })).toBeUndefined();
  });
});
