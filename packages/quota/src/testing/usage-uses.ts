import { expect, it } from "vitest";
import type { Period } from "../types.js";
import { DAY_MS, hold, may, type NewUsageBench, of100, tokens } from "./usage-fixture.js";

/** What a store counts together, at once and apart, and what it tells of limits. */
export function describeUses(newBench: NewUsageBench): void {
  it("admits all metrics of a reservation or none", async () => {
    const { store } = await newBench();
    const emails = { metric: "emails", period: may, units: 1, limit: 1, max: 1 };
    const both = (id: string) => ({ tenantId: "acme", id, ttlMs: 1000, charges: [{ ...of100, units: 60 }, emails] });
    expect(await store.reserveAll(both("a"))).toMatchObject({ admitted: true });
    const refused = await store.reserveAll({ ...both("b"), charges: [{ ...of100, units: 40 }, emails] });
    expect(refused).toMatchObject({ admitted: false, charges: [{ admitted: true, held: 60 }, { admitted: false }] });
    expect(await store.reserveAll(both("a"))).toMatchObject({
      admitted: true,
      charges: [{ repeated: true }, { repeated: true }],
    });
    expect(await store.read({ tenantId: "acme", metrics: [tokens, emails] })).toMatchObject([
      { held: 60 },
      { held: 1 },
    ]);
  });

  it("uses at once, once for an id", async () => {
    const { store, level } = await newBench();
    const use = (units: number, id?: string) =>
      store.useAll({ tenantId: "acme", ...(id !== undefined && { id }), charges: [{ ...of100, units }] });
    await use(10, "a");
    expect(await use(10, "a")).toMatchObject({ admitted: true, charges: [{ repeated: true, used: 10 }] });
    await use(10);
    await use(10);
    expect(await level()).toEqual([30, 0]);
  });

  it("tells each threshold of the limit once, when it is reached by what is used", async () => {
    const { store, commit } = await newBench();
    await store.reserve(hold("a", 100));
    expect(await commit("a", 79)).toMatchObject({ reached: [] });
    const use = async (units: number, limit: number) => {
      const charges = [{ ...of100, limit, max: 1000, units }];
      return (await store.useAll({ tenantId: "acme", charges })).charges[0]?.reached;
    };
    expect(await use(1, 100)).toEqual([0.8]);
    expect(await use(1, 100)).toEqual([]);
    expect(await use(1, 0)).toEqual([]);
    expect(await use(1, Infinity)).toEqual([]);
    expect(await use(100, 100)).toEqual([1]);
    expect(await use(100, 300)).toEqual([]);
  });

  it("tells both thresholds when one commit reaches both", async () => {
    const { commit } = await newBench();
    expect((await commit("a", 100)).reached).toEqual([0.8, 1]);
  });

  it("keeps periods, metrics and tenants apart, whatever they are called", async () => {
    const { store } = await newBench();
    const june: Period = { key: "month-june", startsAt: may.endsAt, endsAt: may.endsAt + 30 * DAY_MS };
    const others = [
      { tenantId: "acme", metric: "tokens", period: june },
      { tenantId: "acme", metric: "tokens:month-may", period: may },
      { tenantId: "acme}:tokens", metric: "", period: may },
      { tenantId: "{acme}", metric: "tokens", period: may },
    ];
    await store.reserve(hold("a", 100));
    for (const other of others)
      expect(await store.reserve({ ...hold("a", 100), ...other })).toMatchObject({ admitted: true, held: 100 });
  });

  it("counts for the tenant of the call, whatever else a charge carries", async () => {
    const { store, level } = await newBench();
    const foreign = { ...of100, tenantId: "globex", units: 5 };
    await store.useAll({ tenantId: "acme", charges: [foreign] });
    await store.reserveAll({ tenantId: "acme", id: "a", ttlMs: 1000, charges: [foreign] });
    expect(await level()).toEqual([5, 5]);
    expect(await store.read({ tenantId: "acme", metrics: [foreign] })).toMatchObject([{ used: 5, held: 5 }]);
  });
}
