import { expect, it } from "vitest";
import { june, of100, tokens, type UsageFixture } from "./usage-fixture.js";

const tenantId = "acme";

/** A call that a client sends twice. */
export function describeRepeatedCalls(newFixture: () => Promise<UsageFixture>): void {
  it("counts a call without an id once, also when it took the last units", async () => {
    const { store, totals } = await newFixture();
    const once = { tenantId, call: "c1", changes: [of100(100)] };
    expect(await store.consume(once)).toMatchObject({ admitted: true, changes: [{ repeated: false, used: 100 }] });
    expect(await store.consume(once)).toMatchObject({ admitted: true, changes: [{ repeated: true, used: 100 }] });
    expect(await store.consume({ ...once, call: "c10" })).toMatchObject({ admitted: false });
    expect(await totals()).toEqual([100, 0]);
  });

  it("decides a refused call anew", async () => {
    const { store, reserve, release } = await newFixture();
    await reserve("a", 60);
    const call = { tenantId, call: "c1", changes: [of100(50)] };
    expect(await store.consume(call)).toMatchObject({ admitted: false });
    await release("a");
    expect(await store.consume(call)).toMatchObject({ admitted: true, changes: [{ repeated: false, used: 50 }] });
  });

  it("releases a hold for the call that reserved it, and not one that its id got later", async () => {
    const { store, totals } = await newFixture();
    const reserve = (call: string) => store.reserve({ tenantId, id: "a", call, ttlMs: 60_000, changes: [of100(10)] });
    const release = (call: string) => store.release({ ...tokens, id: "a", call });
    await reserve("c1");
    await release("c2");
    expect(await totals()).toEqual([0, 10]);
    await release("c1");
    await reserve("c2");
    await release("c1");
    expect(await totals()).toEqual([0, 10]);
    // A second process that was told of the hold may release it as well.
    await reserve("c3");
    await release("c3");
    expect(await totals()).toEqual([0, 0]);
  });
}

/** A call whose caller has given up. */
export function describeCancel(newFixture: () => Promise<UsageFixture>): void {
  for (const kind of ["reserve", "consume", "consume with an id"] as const) {
    const named = kind === "consume" ? {} : { id: "a" };
    const run = ({ store }: UsageFixture, call: string) => {
      const input = { tenantId, call, changes: [of100(60)] };
      return kind === "reserve"
        ? store.reserve({ ...input, id: "a", ttlMs: 60_000 })
        : store.consume({ ...input, ...named });
    };
    const cancel = ({ store }: UsageFixture, call: string) =>
      store.cancel({ tenantId, ...named, call, changes: [of100(60)] });

    it(`takes back a ${kind} once, and lets the work be repeated`, async () => {
      const fixture = await newFixture();
      await fixture.consume(5);
      await run(fixture, "c1");
      await cancel(fixture, "c1");
      await cancel(fixture, "c1");
      expect(await fixture.totals()).toEqual([5, 0]);
      expect(await run(fixture, "c2")).toMatchObject({ admitted: true, changes: [{ repeated: false }] });
      expect((await fixture.totals()).reduce((sum = 0, units = 0) => sum + units)).toBe(65);
    });

    it(`keeps a ${kind} from being carried out after its cancel`, async () => {
      const fixture = await newFixture();
      await cancel(fixture, "c1");
      await expect(run(fixture, "c1")).rejects.toMatchObject({ code: "SCALE_STORE" });
      expect(await fixture.totals()).toEqual([0, 0]);
      expect(await run(fixture, "c10")).toMatchObject({ admitted: true, changes: [{ repeated: false }] });
    });
  }

  it("keeps units that another call of the same id was told about", async () => {
    const { store, commit, totals } = await newFixture();
    const reserve = (call: string) => store.reserve({ tenantId, id: "a", call, ttlMs: 60_000, changes: [of100(10)] });
    const cancel = (call: string) => store.cancel({ tenantId, id: "a", call, changes: [of100(10)] });
    await reserve("c1");
    expect(await reserve("c2")).toMatchObject({ changes: [{ repeated: true }] });
    await cancel("c1");
    expect(await totals()).toEqual([0, 10]);
    await cancel("c2");
    expect(await totals()).toEqual([0, 0]);
    await reserve("c3");
    await commit("a", 7);
    await cancel("c3");
    expect(await totals()).toEqual([7, 0]);
  });

  it("takes back all metrics of a call, and leaves another period alone", async () => {
    const { store, totals } = await newFixture();
    const emails = { ...of100(3), metric: "emails" };
    const changes = [of100(60), emails];
    await store.consume({ tenantId, call: "c1", changes });
    await store.cancel({ tenantId, call: "c1", changes });
    expect(await store.read({ tenantId, metrics: changes })).toMatchObject([{ used: 0 }, { used: 0 }]);
    await store.reserve({ tenantId, id: "a", call: "c2", ttlMs: 60_000, changes: [of100(10)] });
    await store.cancel({ tenantId, id: "a", call: "c3", changes: [{ ...of100(10), period: june }] });
    expect(await totals()).toEqual([0, 10]);
  });
}
