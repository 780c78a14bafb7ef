import { expect, it } from "vitest";
import { at, type Context, content, lease, put, textOf } from "./context.js";

/** Who may load, and when it counts. */
export function describeLeases(context: Context): void {
  it("gives one of all that ask for a missing entry the lease, and the others nothing", async () => {
    const place = at("a");
    const asks = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? context.one : context.two).read(place));
    const found = await Promise.all(asks);
    expect(found.filter(({ is }) => is === "leased").length).toBe(1);
    expect(found.filter(({ is }) => is === "busy").length).toBe(19);
  });

  it("gives everybody what was filled, with its times, tags and age", async () => {
    const [odd, tags] = ["a|b\n.{}:\u0000é\u{1f4a1}", ["t1", "of%3ax.y"]];
    await put(context.one, at("a"), content(odd, { freshMs: 1000, usableMs: 5000, tags }));
    const found = await context.two.read(at("a"));
    expect(found).toMatchObject({ is: "value", stored: { text: odd, freshMs: 1000, usableMs: 5000, tags } });
    if (found.is !== "value") return;
    expect(found.stored.ageMs).toBeGreaterThanOrEqual(0);
    expect(found.stored.ageMs).toBeLessThan(1000);
  });

  it("looks without taking the lease, and sees only what counts", async () => {
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

  it("reads many entries of many tenants at once, each its own", async () => {
    const places = Array.from({ length: 300 }, (_, i) => at(`${i % 100}`, `tenant-${Math.floor(i / 100)}`));
    const text = ({ tenantId, key }: (typeof places)[number]): string => `${tenantId} ${key}`;
    await Promise.all(places.map((place) => put(context.one, place, content(text(place)))));
    const found = await Promise.all(places.map((place) => context.two.read(place)));
    expect(found.map(textOf)).toEqual(places.map(text));
  });

  it("refuses a fill without the lease, and one that comes twice", async () => {
    const held = await lease(context.one, at("a"));
    expect(await context.two.fillIn({ ...held, token: "another" }, content("wrong"))).toBe(false);
    expect(await context.one.fillIn(held, content("right"))).toBe(true);
    expect(await context.one.fillIn(held, content("again"))).toBe(false);
    expect(textOf(await context.two.read(at("a")))).toBe("right");
  });

  it("lets the next one load when a lease was given back", async () => {
    const held = await lease(context.one, at("a"));
    await context.one.release({ ...held, token: "another" });
    expect((await context.two.read(at("a"))).is).toBe("busy");
    await context.one.release(held);
    const next = await lease(context.two, at("a"));
    expect(await context.one.fillIn(held, content("late"))).toBe(false);
    expect(await context.two.fillIn(next, content("new"))).toBe(true);
  });

  it("ends the lease of who died, and keeps the one of who renews it", async () => {
    const dead = await lease(context.one, at("dead"));
    await put(context.one, at("replaced"), content("old"));
    await context.one.claim(at("replaced"), { to: "refresh" });
    const alive = await lease(context.one, at("alive"));
    const until = context.one.leaseMs * 1.5;
    // Real time, because it is the store's own clock that ends them.
    for (let ms = 0; ms < until; ms += context.one.leaseMs / 4) {
      await new Promise((resolve) => {
        setTimeout(resolve, context.one.leaseMs / 4);
      });
      expect(await context.one.renew(alive)).toBe(true);
    }
    expect((await context.two.read(at("alive"))).is).toBe("busy");
    expect((await context.two.read(at("dead"))).is).toBe("leased");
    expect(await context.two.read(at("replaced"))).toMatchObject({ is: "leased", old: { text: "old" } });
    expect(await context.one.fillIn(dead, content("late"))).toBe(false);
    expect(await context.one.renew(dead)).toBe(false);
  });
}
