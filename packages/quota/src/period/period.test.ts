import fc from "fast-check";
import { isScaleError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { periodAt } from "./period.js";
import { boundaryByScan } from "../../scenarios/period-oracle.js";
import type { Interval, Period, Subscription } from "../types.js";

fc.configureGlobal({ seed: 20_261_120 });

const ZONES = [
  ...["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kolkata", "Australia/Lord_Howe"],
  ...["Africa/Casablanca", "America/St_Johns", "Pacific/Kiritimati"],
];
const DAY = 86_400_000;
const iso = (text: string): number => Date.parse(text);
const starts = (subscription: Subscription, interval: Interval, count: number): string[] => {
  const found: string[] = [];
  let now = Number(subscription.anchor);
  while (found.length < count) {
    const period = periodAt(subscription, interval, now);
    found.push(new Date(period.startsAt).toISOString().replace(":00.000Z", ""));
    now = period.endsAt;
  }
  return found;
};

describe("periodAt", () => {
  it("counts every month from the anchor, not from the shorter month before", () => {
    const subscription = { anchor: iso("2023-01-31T10:00Z") };
    expect(starts(subscription, "month", 6)).toEqual(
      ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30"].map((day) => `2023-${day}T10:00`),
    );
    expect(periodAt(subscription, "month", iso("2024-03-01T00:00Z")).startsAt).toBe(iso("2024-02-29T10:00Z"));
  });

  it("moves an anniversary of 29 February to the 28th in other years", () => {
    expect(starts({ anchor: iso("2024-02-29T00:00Z") }, "year", 5)).toEqual(
      ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"].map((day) => `${day}T00:00`),
    );
  });

  it("keeps the anchor's time of day in the tenant's zone, winter and summer", () => {
    const subscription = { anchor: iso("2026-01-15T08:30Z"), timeZone: "Europe/Berlin" };
    expect(starts(subscription, "month", 5)).toEqual(
      ["01-15T08:30", "02-15T08:30", "03-15T08:30", "04-15T07:30", "05-15T07:30"].map((time) => `2026-${time}`),
    );
    expect(starts({ anchor: iso("2026-03-28T11:00Z"), timeZone: "Europe/Berlin" }, "day", 3)).toEqual(
      ["03-28T11:00", "03-29T10:00", "03-30T10:00"].map((time) => `2026-${time}`),
    );
  });

  it("counts quarters, and any number of hours, days and months, from the anchor", () => {
    const subscription = { anchor: iso("2025-11-30T10:00Z"), timeZone: "Europe/Berlin" };
    expect(starts(subscription, "quarter", 4)).toEqual([
      "2025-11-30T10:00",
      "2026-02-28T10:00",
      "2026-05-30T09:00",
      "2026-08-30T09:00",
    ]);
    expect(starts(subscription, { months: 2 }, 3)).toEqual([
      "2025-11-30T10:00",
      "2026-01-30T10:00",
      "2026-03-30T09:00",
    ]);
    expect(starts({ ...subscription, anchor: iso("2026-03-20T10:00Z") }, { days: 10 }, 3)).toEqual([
      "2026-03-20T10:00",
      "2026-03-30T09:00",
      "2026-04-09T09:00",
    ]);
    expect(periodAt(subscription, { days: 7 }, iso("2026-01-01T00:00Z"))).toMatchObject({
      ...{ startsAt: periodAt(subscription, "week", iso("2026-01-01T00:00Z")).startsAt },
      key: expect.stringMatching(/^7-days-/),
    });
  });

  it("counts hours by every clock alike, also when the zone sets its clock", () => {
    const subscription = { anchor: iso("2026-03-28T23:30Z"), timeZone: "Europe/Berlin" };
    expect(starts(subscription, "hour", 4)).toEqual(
      ["28T23:30", "29T00:30", "29T01:30", "29T02:30"].map((time) => `2026-03-${time}`),
    );
    expect(starts(subscription, { hours: 6 }, 3)).toEqual(
      ["28T23:30", "29T05:30", "29T11:30"].map((time) => `2026-03-${time}`),
    );
    expect(periodAt(subscription, "hour", iso("2026-03-28T23:29Z")).startsAt).toBe(iso("2026-03-28T22:30Z"));
  });

  it("starts later by the skipped time when the clock is set forward, and at the first of two equal times", () => {
    const berlin = (day: string) => ({ anchor: iso(`2026-${day}`), timeZone: "Europe/Berlin" });
    expect(starts(berlin("03-28T01:30Z"), "day", 3)).toEqual([
      "2026-03-28T01:30",
      "2026-03-29T01:30",
      "2026-03-30T00:30",
    ]);
    expect(starts(berlin("10-24T00:30Z"), "day", 3)).toEqual([
      "2026-10-24T00:30",
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
  });

  it("starts at the anchor itself when it is the second of two equal times", () => {
    const second = { anchor: iso("2026-10-25T01:30Z"), timeZone: "Europe/Berlin" };
    expect(starts(second, "day", 2)).toEqual(["2026-10-25T01:30", "2026-10-26T01:30"]);
    expect(periodAt(second, "day", second.anchor - 1).endsAt).toBe(second.anchor);
  });

  it("counts a day once when the clock is set back to the day before", () => {
    // St. John's set its clocks back at one minute past midnight.
    const subscription = { anchor: iso("2008-10-30T02:30:30Z"), timeZone: "America/St_Johns" };
    const period = periodAt(subscription, "day", iso("2008-11-02T02:45:00Z"));
    expect(period).toMatchObject({ startsAt: iso("2008-11-02T02:30:30Z"), endsAt: iso("2008-11-03T03:30:30Z") });
  });

  it("has no period for the day that Samoa left out", () => {
    const days = starts({ anchor: iso("2011-12-28T20:00Z"), timeZone: "Pacific/Apia" }, "day", 4);
    expect(days).toEqual(["2011-12-28T20:00", "2011-12-29T20:00", "2011-12-30T20:00", "2011-12-31T20:00"]);
  });

  it("continues before the anchor in the same way", () => {
    const period = periodAt({ anchor: iso("2026-03-31T00:00Z") }, "month", iso("2026-03-30T23:00Z"));
    expect(period).toEqual({
      key: "month-20260228T000000000Z",
      startsAt: iso("2026-02-28T00:00Z"),
      endsAt: iso("2026-03-31T00:00Z"),
    });
  });

  it("accepts a Date as the anchor, and uses UTC without a zone", () => {
    const anchor = iso("2026-05-05T05:05Z");
    const period = periodAt({ anchor }, "week", anchor + 20 * DAY);
    expect(periodAt({ anchor: new Date(anchor), timeZone: "UTC" }, "week", anchor + 20 * DAY)).toEqual(period);
    expect(period.startsAt).toBe(anchor + 14 * DAY);
  });

  it("has one period for a metric that never starts again from 0", () => {
    const forever = { key: "forever", startsAt: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };
    for (const now of [0, iso("2026-01-01"), iso("2400-01-01")])
      expect(periodAt({ anchor: iso("2026-01-01") }, "forever", now)).toEqual(forever);
  });

  it("rejects unknown zones and invalid times", () => {
    const config = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return isScaleError(error, "SCALE_CONFIG") ? error.message : error;
      }
    };
    for (const interval of ["month", "forever"] as const)
      expect(config(() => periodAt({ anchor: 0, timeZone: "Europe/Atlantis" }, interval, 0))).toMatch(/Atlantis/);
    for (const anchor of [Number.NaN, Infinity, new Date(Number.NaN), 1e15, -1e15])
      expect(config(() => periodAt({ anchor }, "month", 0))).toMatch(/^subscription.anchor: expected a time/);
    // Values of an empty column: as a number they would be 1970.
    for (const anchor of [null, "", true, undefined])
      expect(config(() => periodAt({ anchor: anchor as never }, "month", 0))).toMatch(/^subscription.anchor: /);
    expect(config(() => periodAt({ anchor: 0 }, "month", Number.NaN))).toMatch(/^now: expected a time/);
    expect(config(() => periodAt({ anchor: 0 }, "minute" as "day", 0))).toMatch(/^interval: expected "hour" to/);
  });
});

const anchors = fc.integer({ min: iso("2009-01-01") / 1000, max: iso("2029-01-01") / 1000 }).map((s) => s * 1000);
const subscriptions = fc.record({ anchor: anchors, timeZone: fc.constantFrom(...ZONES) });
const intervals = fc.constantFrom<Exclude<Interval, "forever">>(
  ...(["hour", "day", "week", "month", "quarter", "year", { hours: 6 }, { days: 10 }, { months: 2 }] as const),
);

describe("the periods of any subscription", () => {
  it("follow each other for ten years without gap or overlap, and their keys sort", () => {
    // Every fifth day of a leap year and the ends of its months, and each zone in turn: 10 years of months. The proof
    // takes every day in every zone.
    const start = iso("2016-01-01T01:30Z");
    for (let day = 0; day < 366; day += 1) {
      const anchor = start + day * DAY;
      if (day % 5 !== 0 && new Date(anchor).getUTCDate() < 28) continue;
      checkChain({ anchor, timeZone: ZONES[day % ZONES.length] ?? "UTC" }, "month", anchor + 3653 * DAY);
    }
  });

  it("follow each other at the ends of months in every zone, day by day too", () => {
    for (const timeZone of ZONES) {
      for (const day of ["2011-12-29", "2011-12-30", "2011-12-31", "2020-02-29", "2021-01-31"]) {
        const anchor = iso(`${day}T02:15Z`);
        checkChain({ anchor, timeZone }, "day", anchor + 400 * DAY);
        checkChain({ anchor, timeZone }, "year", anchor + 3653 * DAY);
      }
    }
  });

  it("contain the requested time, and are the same for every time in them", () => {
    fc.assert(
      fc.property(subscriptions, intervals, fc.integer({ min: -4000, max: 4000 }), (subscription, interval, days) => {
        const now = subscription.anchor + days * DAY + 12_345;
        const period = periodAt(subscription, interval, now);
        expect(period.startsAt <= now && now < period.endsAt).toBe(true);
        // Another subscription in between: its cached period must not be returned.
        periodAt({ ...subscription, anchor: subscription.anchor + 1000 }, interval, now);
        for (const other of [period.startsAt, period.endsAt - 1])
          expect(periodAt(subscription, interval, other)).toEqual(period);
      }),
      { numRuns: 500 },
    );
  });

  it("match a scan of the zone's clock", () => {
    fc.assert(
      fc.property(subscriptions, intervals, fc.integer({ min: -40, max: 130 }), (subscription, interval, n) => {
        const from = boundaryByScan(subscription, interval, n);
        const to = boundaryByScan(subscription, interval, n + 1);
        // The period of a day that a zone leaves out is empty.
        if (from === to) return;
        expect(periodAt(subscription, interval, from)).toMatchObject({ startsAt: from, endsAt: to });
      }),
      { numRuns: 300 },
    );
  });
});

function checkChain(subscription: Subscription, interval: Interval, until: number): void {
  let last: Period = periodAt(subscription, interval, Number(subscription.anchor));
  if (last.startsAt !== subscription.anchor) throw new Error(`starts at ${last.startsAt}, not at the anchor`);
  while (last.endsAt < until) {
    const next = periodAt(subscription, interval, last.endsAt);
    const before = periodAt(subscription, interval, last.endsAt - 1);
    const holds = next.startsAt === last.endsAt && next.key > last.key && before.key === last.key;
    if (!holds) throw new Error(JSON.stringify({ subscription, interval, last, next, before }));
    last = next;
  }
}
