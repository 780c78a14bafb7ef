import { expect, it } from "vitest";
import { june, may, of100, tokens, type UsageFixture } from "./usage-fixture.js";

const conflict = { code: "SCALE_IDEMPOTENCY", status: 409 };

/** An id with other parameters than those of its first call. */
export function describeIdConflicts(newFixture: () => Promise<UsageFixture>): void {
  it("rejects other units under an id that is held, used or committed, and counts nothing", async () => {
    const { reserve, commit, consume, totals } = await newFixture();
    await reserve("a", 10);
    await expect(reserve("a", 95)).rejects.toMatchObject(conflict);
    await expect(reserve("a", 95)).rejects.toThrow(/"a": expected .* reserve tokens=10, got reserve tokens=95/);
    await commit("a", 7);
    await expect(reserve("a", 95)).rejects.toMatchObject(conflict);
    await consume(5, "b");
    await expect(consume(6, "b")).rejects.toMatchObject(conflict);
    expect(await totals()).toEqual([12, 0]);
  });

  it("rejects another kind of call, and other metrics, under one id", async () => {
    const { store, reserve, consume, totals } = await newFixture();
    await reserve("a", 10);
    await expect(consume(10, "a")).rejects.toMatchObject(conflict);
    const emails = { ...of100(1), metric: "emails" };
    const call = { tenantId: "acme", id: "a", ttlMs: 1000 };
    await expect(store.reserve({ ...call, changes: [emails] })).rejects.toMatchObject(conflict);
    await expect(store.reserve({ ...call, changes: [of100(10), emails] })).rejects.toMatchObject(conflict);
    // The same id of another tenant is another id.
    expect(await store.reserve({ ...call, tenantId: "globex", changes: [emails] })).toMatchObject({ admitted: true });
    expect(await totals()).toEqual([0, 10]);
  });

  it("accepts metrics in another order, and another time to hold", async () => {
    const { store } = await newFixture();
    const emails = { ...of100(1), metric: "emails" };
    const reserve = (ttlMs: number, changes: readonly (typeof emails)[]) =>
      store.reserve({ tenantId: "acme", id: "a", ttlMs, changes });
    await reserve(1000, [of100(10), emails]);
    const again = await reserve(9000, [emails, of100(10)]);
    expect(again.changes).toMatchObject([
      { metric: "emails", repeated: true, held: 1 },
      { metric: "tokens", repeated: true, held: 10 },
    ]);
  });

  it("lets an id that was released or has expired stand for other work", async () => {
    const { clock, reserve, release, consume, totals } = await newFixture();
    await reserve("a", 10);
    await release("a");
    expect(await reserve("a", 95, 1000)).toMatchObject({ admitted: true, repeated: false });
    clock.advance(1000);
    expect(await consume(30, "a")).toMatchObject({ admitted: true, repeated: false });
    expect(await consume(30, "a")).toMatchObject({ admitted: true, repeated: true });
    expect(await totals()).toEqual([30, 0]);
  });

  it("keeps the id free when it is refused", async () => {
    const { reserve, consume } = await newFixture();
    await reserve("other", 95);
    expect(await reserve("a", 10)).toMatchObject({ admitted: false });
    expect(await reserve("a", 5)).toMatchObject({ admitted: true, repeated: false });
    expect(await consume(1, "b")).toMatchObject({ admitted: false });
  });
}

/** An id that is repeated in the next period. */
export function describeIdBoundaries(newFixture: () => Promise<UsageFixture>): void {
  const inJune = (units: number) => ({ ...of100(units), period: june });

  it("counts a use once that is repeated across the boundary of a period", async () => {
    const { store, consume, totals } = await newFixture();
    await consume(40, "a");
    const again = await store.consume({ tenantId: "acme", id: "a", changes: [inJune(40)] });
    expect(again).toMatchObject({ admitted: true, changes: [{ repeated: true, period: may, used: 0, held: 0 }] });
    expect(await totals()).toEqual([40, 0]);
    const read = await store.read({ tenantId: "acme", metrics: [{ metric: "tokens", period: june }] });
    expect(read).toMatchObject([{ used: 0, held: 0 }]);
  });

  it("holds units once that are reserved again across the boundary, in the first period", async () => {
    const { store, clock, reserve, commit, totals } = await newFixture();
    await reserve("a", 40, 60_000);
    const again = () => store.reserve({ tenantId: "acme", id: "a", ttlMs: 60_000, changes: [inJune(40)] });
    expect(await again()).toMatchObject({ admitted: true, changes: [{ repeated: true, period: may }] });
    await commit("a", 30);
    expect(await again()).toMatchObject({ changes: [{ repeated: true, period: may }] });
    expect(await totals()).toEqual([30, 0]);
    await reserve("b", 10, 1000);
    clock.advance(1000);
    const expired = await store.reserve({ tenantId: "acme", id: "b", ttlMs: 1000, changes: [inJune(10)] });
    expect(expired).toMatchObject({ changes: [{ repeated: false, period: june, held: 10 }] });
  });

  it("records a commit once that is repeated in the next period", async () => {
    const { store, reserve, commit, totals } = await newFixture();
    await reserve("a", 40);
    await commit("a", 40);
    const again = await store.commit({ ...inJune(40), id: "a", over: "cap" });
    expect(again).toMatchObject({ repeated: true, recorded: 40, late: false });
    expect(await totals()).toEqual([40, 0]);
    expect(await store.read({ tenantId: "acme", metrics: [{ ...tokens, period: june }] })).toMatchObject([{ used: 0 }]);
  });
}
