import { expect, it } from "vitest";
import { june, may, of100, tokens, type UsageFixture } from "./usage-fixture.js";

/** How a store decides several metrics together, and uses units without a reservation. */
export function describeConsume(newFixture: () => Promise<UsageFixture>): void {
  it("admits all metrics of a reservation or none", async () => {
    const { store } = await newFixture();
    const emails = { metric: "emails", period: may, units: 1, limit: 1, max: 1 };
    const both = (id: string, units: number) => ({
      ...{ tenantId: "acme", id, ttlMs: 1000 },
      changes: [of100(units), emails],
    });
    expect(await store.reserve(both("a", 60))).toMatchObject({ admitted: true });
    expect(await store.reserve(both("b", 40))).toMatchObject({
      admitted: false,
      changes: [{ admitted: true, held: 60 }, { admitted: false }],
    });
    expect(await store.reserve(both("a", 60))).toMatchObject({
      admitted: true,
      changes: [{ repeated: true }, { repeated: true }],
    });
    const held = await store.read({ tenantId: "acme", metrics: [tokens, emails] });
    expect(held).toMatchObject([{ held: 60 }, { held: 1 }]);
  });

  it("uses units at once, and once for an id", async () => {
    const { consume, totals } = await newFixture();
    await consume(10, "a");
    expect(await consume(10, "a")).toMatchObject({ admitted: true, repeated: true, used: 10 });
    await consume(10);
    await consume(10);
    expect(await totals()).toEqual([30, 0]);
  });
}

/** When a store reports that a part of the limit was reached. */
export function describeThresholds(newFixture: () => Promise<UsageFixture>): void {
  it("reports each threshold of the limit once, when used units reach it", async () => {
    const { store, reserve, commit } = await newFixture();
    await reserve("a", 100);
    expect(await commit("a", 79)).toMatchObject({ reached: [] });
    const consume = async (units: number, limit: number) => {
      const changes = [{ ...of100(units), limit, max: 1000 }];
      return (await store.consume({ tenantId: "acme", changes })).changes[0]?.reached;
    };
    expect(await consume(1, 100)).toEqual([0.8]);
    expect(await consume(1, 100)).toEqual([]);
    expect(await consume(1, 0)).toEqual([]);
    expect(await consume(1, Infinity)).toEqual([]);
    expect(await consume(100, 100)).toEqual([1]);
    expect(await consume(100, 300)).toEqual([]);
  });

  it("reports both thresholds when one commit reaches both", async () => {
    const { commit } = await newFixture();
    expect((await commit("a", 100)).reached).toEqual([0.8, 1]);
  });

  it("reports the thresholds of a metric, also above the limit, and goes on when they change", async () => {
    const { store } = await newFixture();
    const thresholds = [0.25, 0.5, 0.6667, 1, 1.5];
    const use = async (units: number, parts: readonly number[]) => {
      const changes = [{ ...of100(units), max: 1000, thresholds: parts }];
      return (await store.consume({ tenantId: "acme", changes })).changes[0]?.reached;
    };
    expect(await use(24, thresholds)).toEqual([]);
    expect(await use(42, thresholds)).toEqual([0.25, 0.5]);
    expect(await use(1, thresholds)).toEqual([0.6667]);
    expect(await use(1, [0.1, 0.67, 0.9])).toEqual([0.67]);
    expect(await use(20, [])).toEqual([]);
    expect(await use(1, [0.1, 0.67, 0.9])).toEqual([]);
    const over = { ...of100(61), max: 1000, thresholds, id: "late", over: "overflow" } as const;
    expect((await store.commit(over)).reached).toEqual([1, 1.5]);
  });
}

/** Which counts a store keeps apart. */
export function describeIsolation(newFixture: () => Promise<UsageFixture>): void {
  it("keeps periods, metrics and tenants apart, whatever characters their names have", async () => {
    const { store, reserve } = await newFixture();
    const others = [
      { tenantId: "acme", metric: "tokens", period: june },
      { tenantId: "acme", metric: "tokens:month-may", period: may },
      { tenantId: "acme}:tokens", metric: "", period: may },
      { tenantId: "{acme}", metric: "tokens", period: may },
    ];
    await reserve("a", 100);
    for (const [i, other] of others.entries()) {
      const changes = [{ ...of100(100), ...other }];
      const { admitted, changes: outcomes } = await store.reserve({ ...other, id: `b${i}`, ttlMs: 60_000, changes });
      expect([admitted, outcomes[0]?.held]).toEqual([true, 100]);
    }
  });

  it("counts for the tenant of the call, whatever tenant a change carries", async () => {
    const { store, totals } = await newFixture();
    const foreign = { ...of100(5), tenantId: "globex" };
    await store.consume({ tenantId: "acme", changes: [foreign] });
    await store.reserve({ tenantId: "acme", id: "a", ttlMs: 1000, changes: [foreign] });
    expect(await totals()).toEqual([5, 5]);
    expect(await store.read({ tenantId: "acme", metrics: [foreign] })).toMatchObject([{ used: 5, held: 5 }]);
  });
}
