import { createPlanResolver, deadline, definePlans, tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { collect, jobs, openQueue } from "../../test/fixture.js";
import { scheduleFail, type ScheduleFailed, scheduleFire, type ScheduleFired } from "../events.js";
import { memoryStore } from "../memory/store.js";
import { createQueue } from "../queue/queue.js";
import type { QueueStore, StoredQueue } from "../store.js";
import { virtualClock } from "../testing/virtual-clock.js";

const MINUTE = 60_000;
const HOUR = 3_600_000;
/** A Wednesday. */
const START = Date.parse("2026-03-25T12:00:30Z");
const every5 = { cron: "*/5 * * * *", job: "mail", data: { to: "x" }, tenants: ["acme", "other"] } as const;

function open(startMs = START, wrap: (store: QueueStore) => QueueStore = (store) => store) {
  const clock = virtualClock(startMs);
  const store = memoryStore({ durability: "none", clock });
  const queue = createQueue(jobs, { store: wrap(store) });
  const due = async () => {
    const delayed = await queue.list({ state: "delayed", limit: 1000 });
    const waiting = await queue.list({ state: "waiting", limit: 1000 });
    return [...waiting.items, ...delayed.items];
  };
  return { clock, queue, store, due, process: () => createQueue(jobs, { store }) };
}

const at = (iso: string) => Date.parse(iso);

describe("schedule", () => {
  it("enqueues a job of each tenant at each slot", async () => {
    const { clock, queue, due } = open();
    queue.schedule("ping", every5);
    const fired = await collect<ScheduleFired>(scheduleFire, () => clock.advance(10 * MINUTE));
    // The slot before the start may have been missed: it is caught up.
    const slots = ["2026-03-25T12:00:00Z", "2026-03-25T12:05:00Z", "2026-03-25T12:10:00Z"].map(at);
    expect(fired).toEqual(slots.map((slotMs) => ({ queue: "default", schedule: "ping", slotMs, enqueued: 2 })));
    expect((await due()).map(({ tenantId }) => tenantId).toSorted()).toEqual([
      ...["acme", "acme", "acme", "other", "other", "other"],
    ]);
    await queue.close();
    expect(await collect(scheduleFire, () => clock.advance(10 * MINUTE))).toEqual([]);
  });

  it("enqueues each slot once, in however many processes it runs", async () => {
    const { clock, queue, due, process } = open();
    const others = [process(), process(), process()];
    for (const one of [queue, ...others]) one.schedule("ping", every5);
    await clock.advance(20 * MINUTE);
    expect(await due()).toHaveLength(5 * 2);
  });

  it("follows the time zone through a change of daylight saving time", async () => {
    const { queue } = open();
    const schedule = queue.schedule("nightly", { ...every5, cron: "30 2 * * *", tz: "Europe/Paris" });
    const next = schedule.next(6).map((date) => date.toISOString());
    // On 29 March 2026 there is no 2:30 in Paris; the clock goes from 2:00 to 3:00.
    expect(next).toEqual([
      "2026-03-26T01:30:00.000Z",
      "2026-03-27T01:30:00.000Z",
      "2026-03-28T01:30:00.000Z",
      "2026-03-29T01:30:00.000Z",
      "2026-03-30T00:30:00.000Z",
      "2026-03-31T00:30:00.000Z",
    ]);
    await schedule.stop();
  });

  it("fires once when an hour comes twice", async () => {
    // On 25 October 2026 the clock of Paris goes from 3:00 back to 2:00.
    const { clock, queue, due } = open(at("2026-10-24T23:00:00Z"));
    queue.schedule("nightly", { ...every5, cron: "30 2 * * *", tz: "Europe/Paris", tenants: ["acme"] });
    await clock.advance(2 * HOUR + 35 * MINUTE);
    expect(await due()).toHaveLength(1);
  });

  it("spreads the tenants, each at the same offset every time", async () => {
    const { clock, queue, due } = open(START + 30 * MINUTE);
    const tenants = Array.from({ length: 200 }, (_, index) => `t${index}`);
    const schedule = queue.schedule("hourly", { ...every5, cron: "0 * * * *", spread: "30m", tenants: () => tenants });
    await clock.advance(30 * MINUTE);
    const slotMs = at("2026-03-25T13:00:00Z");
    const offsets = (await due()).map(({ tenantId, runAtMs }) => [tenantId, Number(runAtMs) - slotMs] as const);
    for (const [tenantId, offset] of offsets) expect(offset).toBe(schedule.offsetMs(tenantId));
    const inFirstHalf = offsets.filter(([, offset]) => offset < 15 * MINUTE).length;
    expect(inFirstHalf).toBeGreaterThan(70);
    expect(inFirstHalf).toBeLessThan(130);
    expect(Math.max(...offsets.map(([, offset]) => offset))).toBeLessThan(30 * MINUTE);
  });

  it("asks for the tenants and their data at each slot", async () => {
    const { clock, queue, due } = open();
    async function* tenants() {
      yield "acme";
      yield "other";
    }
    const data = async (tenantId: string) => ({ to: `${tenantId}=${tenancy.require().tenantId}` });
    queue.schedule("ping", { ...every5, tenants, data });
    await clock.advance(1000);
    expect((await due()).map(({ payload }) => payload)).toEqual(['{"to":"acme=acme"}', '{"to":"other=other"}']);
  });

  it("has no tenant and no deadline, wherever it was started", async () => {
    const { clock, queue, due } = open();
    const seen: unknown[] = [];
    const tenants = () => {
      seen.push([tenancy.current(), deadline.remainingMs()]);
      return ["acme"];
    };
    tenancy.run({ tenantId: "other" }, () => deadline.run(1, () => queue.schedule("ping", { ...every5, tenants })));
    await clock.advance(5 * MINUTE);
    expect(seen).toEqual([
      [undefined, Infinity],
      [undefined, Infinity],
    ]);
    expect((await due()).map(({ tenantId }) => tenantId)).toEqual(["acme", "acme"]);
  });

  it("does not keep the queue from closing while the list of tenants hangs", async () => {
    const { clock, queue } = open();
    queue.schedule("ping", { ...every5, tenants: () => new Promise<never>(() => undefined) });
    await clock.settle();
    let isClosed = false;
    const closed = queue.close().then(() => (isClosed = true));
    await clock.advance(1900);
    expect(isClosed).toBe(false);
    await clock.advance(200);
    expect(isClosed).toBe(true);
    await closed;
  });

  it("goes on after a clock that was a year ahead, and fires no slot twice after one that was a minute ahead", async () => {
    const clock = virtualClock(START);
    let aheadMs = 0;
    const wall = { ...clock, now: () => clock.now() + aheadMs };
    const queue = createQueue(jobs, { store: memoryStore({ durability: "none", clock: wall }) });
    queue.schedule("ping", { ...every5, tenants: ["acme"] });
    const slots = async (ms: number) =>
      (await collect<ScheduleFired>(scheduleFire, () => clock.advance(ms))).map(({ slotMs }) =>
        new Date(slotMs).toISOString(),
      );
    expect(await slots(MINUTE)).toEqual(["2026-03-25T12:00:00.000Z"]);
    aheadMs = 4 * MINUTE;
    expect(await slots(MINUTE)).toEqual(["2026-03-25T12:05:00.000Z"]);
    aheadMs = 0;
    expect(await slots(5 * MINUTE)).toEqual([]);
    aheadMs = 365 * 24 * HOUR;
    await slots(MINUTE);
    aheadMs = 0;
    expect(await slots(5 * MINUTE)).toEqual(["2026-03-25T12:10:00.000Z"]);
    await queue.close();
  });

  it("leaves out a tenant that fails, and says so", async () => {
    const plans = definePlans({ free: { queue: {} } });
    const resolver = createPlanResolver({ plans, lookup: (tenantId) => (tenantId === "unknown" ? undefined : "free") });
    const { queue, clock } = openQueue({ plans: resolver });
    const data = (tenantId: string) => {
      if (tenantId === "broken") throw new Error("no data");
      return { to: "x" };
    };
    queue.schedule("ping", { ...every5, cron: "* * * * *", tenants: ["broken", "acme", "unknown", "other"], data });
    const failures = await collect<ScheduleFailed>(scheduleFail, () => clock.advance(1000));
    expect(failures).toMatchObject([
      { tenantId: "broken", schedule: "ping", error: { message: "no data" } },
      { tenantId: "unknown", error: { code: "SCALE_PLAN" } },
    ]);
    expect(await queue.counts()).toMatchObject({ waiting: 2 });
  });

  it("goes on with a slot when the store fails for a while, and stores nothing twice", async () => {
    let failing = 3;
    const flaky = (store: QueueStore): QueueStore => ({
      open(options) {
        const stored = store.open(options);
        const add: StoredQueue["add"] = async (added) => {
          const outcomes = await stored.add(added);
          // The jobs are stored, and the answer is lost.
          if (failing-- > 0) throw new Error("down");
          return outcomes;
        };
        return { ...stored, add };
      },
    });
    const { clock, queue, due } = open(START, flaky);
    queue.schedule("ping", every5);
    const failures = await collect(scheduleFail, () => clock.advance(MINUTE));
    expect(failures).toHaveLength(3);
    expect(await due()).toHaveLength(2);
  });

  it("is taken over when the process that enqueues a slot dies", async () => {
    const { clock, queue, due, process } = open();
    let isDead = false;
    async function* tenants() {
      yield* Array.from({ length: 100 }, (_, index) => `t${index}`);
      if (!isDead) await new Promise<never>(() => undefined);
      yield "last";
    }
    queue.schedule("ping", { ...every5, tenants });
    await clock.advance(1000);
    expect(await due()).toHaveLength(100);
    isDead = true;
    process().schedule("ping", { ...every5, tenants });
    await clock.advance(MINUTE);
    expect(await due()).toHaveLength(101);
  });

  it("fires only the latest slot after the clock has jumped, and none when it was set back", async () => {
    const { clock, queue } = open();
    let shiftMs = 0;
    const now = clock.now;
    Object.assign(clock, { now: () => now() + shiftMs });
    queue.schedule("ping", every5);
    await clock.advance(1000);
    shiftMs = 7 * HOUR + 2 * MINUTE;
    const fired = await collect<ScheduleFired>(scheduleFire, () => clock.advance(MINUTE));
    expect(fired.map(({ slotMs }) => slotMs)).toEqual([at("2026-03-25T19:00:00Z")]);
    shiftMs = 0;
    expect(await collect(scheduleFire, () => clock.advance(10 * MINUTE))).toEqual([]);
  });

  it("fires no slot older than its catch-up", async () => {
    const { clock, queue, due } = open(at("2026-03-25T12:30:00Z"));
    queue.schedule("hourly", { ...every5, cron: "0 * * * *", catchUp: "29m" });
    queue.schedule("late", { ...every5, cron: "0 * * * *", catchUp: "31m" });
    await clock.advance(1000);
    expect((await due()).length).toBe(2);
  });

  it.each([
    [{ cron: "every day" }, /schedule: cron: expected an expression, got "every day"/],
    [{ cron: "0 0 31 2 *" }, /cron/],
    [{ tz: "Paris" }, /cron/],
    [{ job: "other" }, /job: expected a job of the queue, got "other"/],
    [{ tenants: "acme" }, /tenants: expected an iterable/],
    [{ spread: "soon" }, /spread/],
    [{ every: "1m" }, /every/],
  ])("names the wrong option %j", (options, message) => {
    const { queue } = open();
    expect(() => queue.schedule("ping", { ...every5, ...options } as never)).toThrow(message);
  });

  it("refuses a name that is running", async () => {
    const { queue } = open();
    const first = queue.schedule("ping", every5);
    expect(() => queue.schedule("ping", every5)).toThrow(/"ping" is running already/);
    await first.stop();
    expect(() => queue.schedule("ping", every5)).not.toThrow();
    expect(() => first.next(0)).toThrow(/integer from 1 to 1,000/);
    await queue.close();
  });
});
