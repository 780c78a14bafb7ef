import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "@scale/core";
import { expect, it, vi } from "vitest";
import type { CacheStore, EntryAddress, ReadResult } from "../store.js";
import { at, claim, type StoreFixture, content, lease, put, textOf } from "./context.js";

/** Leases: one caller loads a missing entry, and only its fill is accepted. */
export function describeLeases(context: StoreFixture): void {
  describeReads(context);
  describeReadsByListener(context);
  describeFills(context);
  describeExpiry(context);
}

function describeReads(context: StoreFixture): void {
  it("returns the lease of a missing entry to one of many readers, and no value to the others", async () => {
    const reads = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? context.one : context.two).read(at("a")));
    const found = await Promise.all(reads);
    expect(found.filter(({ is }) => is === "leased").length).toBe(1);
    expect(found.filter(({ is }) => is === "busy").length).toBe(19);
  });

  it("returns a filled value to all readers, with its times, tags and age", async () => {
    const [odd, tags] = ["a|b\n.{}:\u0000é\u{1f4a1}", ["t1", "of%3ax.y"]];
    await put(context.one, at("a"), content(odd, { freshMs: 1000, usableMs: 5000, tags }));
    const found = await context.two.read(at("a"));
    expect(found).toMatchObject({ is: "value", stored: { text: odd, freshMs: 1000, usableMs: 5000, tags } });
    if (found.is !== "value") return;
    expect(found.stored.ageMs).toBeGreaterThanOrEqual(0);
    expect(found.stored.ageMs).toBeLessThan(1000);
  });

  it("reads without a lease only valid values", async () => {
    expect(await context.one.readWithoutLease(at("a"))).toBeUndefined();
    const held = await lease(context.two, at("a"));
    expect(await context.one.readWithoutLease(at("a"))).toBeUndefined();
    await context.two.fillIn(held, content("new", { tags: ["t1"] }));
    expect(await context.one.readWithoutLease(at("a"))).toMatchObject({ text: "new", tags: ["t1"] });
    await put(context.two, at("b"), content("plain"));
    expect((await context.one.readWithoutLease(at("b")))?.text).toBe("plain");
    await context.one.invalidate({ tenantId: "acme", keys: [], tags: ["t1"], all: false });
    expect(await context.two.readWithoutLease(at("a"))).toBeUndefined();
    await context.one.invalidate({ tenantId: "acme", keys: [], tags: [], all: true });
    expect(await context.two.readWithoutLease(at("b"))).toBeUndefined();
    expect((await context.two.read(at("b"))).is).toBe("leased");
  });

  it("returns to each of many reads the value of its own tenant and key", async () => {
    const addresses = Array.from({ length: 300 }, (_, i) => at(`${i % 100}`, `tenant-${Math.floor(i / 100)}`));
    const text = ({ tenantId, key }: (typeof addresses)[number]): string => `${tenantId} ${key}`;
    await Promise.all(addresses.map((address) => put(context.one, address, content(text(address)))));
    const found = await Promise.all(addresses.map((address) => context.two.read(address)));
    expect(found.map(textOf)).toEqual(addresses.map(text));
  });
}

/** Reads by `read.to`. Rejects if it throws, or calls the listener before it has returned or more than once. */
async function readTo({ read }: CacheStore, address: EntryAddress): Promise<ReadResult> {
  const results: ReadResult[] = [];
  const result = await new Promise<ReadResult>((resolve, reject) => {
    let hasReturned = false;
    read.to?.(address, {
      found(found) {
        results.push(found);
        if (hasReturned) resolve(found);
        else reject(new Error("expected a call of the listener after `read.to` has returned"));
      },
      failed: reject,
    });
    hasReturned = true;
  });
  // A second call would come at about the same time.
  await sleep(5);
  expect(results.length).toBe(1);
  return result;
}

function describeReadsByListener(context: StoreFixture): void {
  it("calls the listener of `read.to` once, after it has returned, with the result of a read", async () => {
    if (context.one.read.to === undefined) return;
    const found = await readTo(context.one, at("a"));
    expect(found.is).toBe("leased");
    expect((await readTo(context.two, at("a"))).is).toBe("busy");
    const token = found.is === "leased" ? found.token : "";
    expect(await context.one.fillIn({ ...at("a"), token }, content("new"))).toBe(true);
    expect(textOf(await readTo(context.two, at("a")))).toBe("new");
  });
}

function describeFills(context: StoreFixture): void {
  it("refuses a fill without the lease, and a second fill with it", async () => {
    const held = await lease(context.one, at("a"));
    expect(await context.two.fillIn({ ...held, token: "another" }, content("wrong"))).toBe(false);
    expect(await context.one.fillIn(held, content("right"))).toBe(true);
    expect(await context.one.fillIn(held, content("again"))).toBe(false);
    expect(textOf(await context.two.read(at("a")))).toBe("right");
  });

  it("leases the entry to the next reader after a release", async () => {
    const held = await lease(context.one, at("a"));
    await context.one.release({ ...held, token: "another" });
    expect((await context.two.read(at("a"))).is).toBe("busy");
    await context.one.release(held);
    const next = await lease(context.two, at("a"));
    expect(await context.one.fillIn(held, content("late"))).toBe(false);
    expect(await context.two.fillIn(next, content("new"))).toBe(true);
  });
}

function describeExpiry(context: StoreFixture): void {
  it("returns the age of a value, while it is fresh and while it is stale", async () => {
    const before = systemClock.monotonic();
    await put(context.one, at("fresh"), content("a"));
    await put(context.one, at("stale"), content("b", { freshMs: 1, tags: ["t1"] }));
    // Real time, because ages are measured by the clock of the store.
    await sleep(100);
    for (const key of ["fresh", "stale"]) {
      const found = await context.two.read(at(key));
      const ages = [found.is === "value" ? found.stored.ageMs : NaN];
      ages.push((await context.two.readWithoutLease(at(key)))?.ageMs ?? NaN);
      for (const ageMs of ages) {
        expect(ageMs).toBeGreaterThan(90);
        // An age may be too high by the time that a request takes, but never too low.
        expect(ageMs).toBeLessThan(systemClock.monotonic() - before + 1000);
      }
    }
  });

  it("forgets a value after its `usableMs`", async () => {
    const addresses = [at("plain"), at("tagged")];
    await put(context.one, at("plain"), content("a", { freshMs: 20, usableMs: 50 }));
    await put(context.one, at("tagged"), content("b", { freshMs: 20, usableMs: 50, tags: ["t1"] }));
    for (const address of addresses) {
      await vi.waitFor(async () => expect(await context.two.readWithoutLease(address)).toBeUndefined(), 1000);
      expect(await context.two.read(address)).toMatchObject({ is: "leased", old: undefined });
    }
  });

  it("expires a lease that is not renewed, and keeps one that is", async () => {
    const { leaseMs } = context.one;
    const dead = await lease(context.one, at("dead"));
    await put(context.one, at("replaced"), content("old"));
    await claim(context.one, at("replaced"), { to: "refresh" });
    const alive = await lease(context.one, at("alive"));
    // Real time, because leases expire by the clock of the store.
    for (let ms = 0; ms < leaseMs * 1.5; ms += leaseMs / 4) {
      await sleep(leaseMs / 4);
      expect(await context.one.renew(alive)).toBe(true);
    }
    expect((await context.two.read(at("alive"))).is).toBe("busy");
    expect((await context.two.read(at("dead"))).is).toBe("leased");
    expect(await context.two.read(at("replaced"))).toMatchObject({ is: "leased", old: { text: "old" } });
    expect(await context.one.fillIn(dead, content("late"))).toBe(false);
    expect(await context.one.renew(dead)).toBe(false);
  });
}
