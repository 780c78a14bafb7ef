import { describe, expect, it } from "vitest";
import { type Asker, Turns } from "./turns.js";

/** Does what Prisma does: comes by microtasks to one dispatch of all that was asked in a tick. */
function batches(turns: Turns): { ask(asker: Asker): Promise<void>; dispatched: Asker[][] } {
  const dispatched: Asker[][] = [];
  let batch: Asker[] | undefined;
  async function ask(asker: Asker): Promise<void> {
    const wait = turns.enter(asker);
    if (wait !== undefined) await wait;
    for (let i = 0; i < 20; i++) await undefined;
    if (batch === undefined) {
      const own: Asker[] = (batch = []);
      process.nextTick(() => {
        dispatched.push(own);
        batch = undefined;
      });
    }
    batch.push(asker);
  }
  return { ask, dispatched };
}

const distinct = (batch: Asker[]): number => new Set(batch).size;
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Turns", () => {
  it.each([
    ["in one tick", false],
    ["in ticks that other work leaves", true],
  ])("keeps scopes apart that ask %s, and together what one scope asks", async (_how, inTicks) => {
    const { ask, dispatched } = batches(new Turns());
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
    // Those that ask in one tick are collected; others may have to be asked one by one.
    expect(dispatched.length).toBeLessThanOrEqual(inTicks ? 90 : 30);
  });

  it("lets a scope that is alone pass at once", async () => {
    const turns = new Turns();
    const scope = { scope: {}, tenantId: undefined };
    expect(turns.enter(scope)).toBeUndefined();
    expect(turns.enter(scope)).toBeUndefined();
    await later();
    expect(turns.enter({ scope: undefined, tenantId: undefined })).toBeUndefined();
  });
});
