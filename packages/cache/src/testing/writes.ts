import { expect, it, vi } from "vitest";
import type { CacheStore, EntryAddress } from "../store.js";
import { at, claim, type StoreFixture, content, invalidation, lease, put, textOf } from "./context.js";

/** Takes the lease for a write, and fills it. */
async function write(
  store: CacheStore,
  address: EntryAddress,
  what: { text: string; version?: number },
): Promise<string> {
  const claimed = await store.claim(address, { to: "write", version: what.version });
  if (claimed.is !== "leased") return claimed.is;
  const held = { ...address, token: claimed.token, notify: "one" };
  return (await store.fillIn(held, content(what.text))) ? "written" : "refused";
}

/** Values that are replaced: refreshes and writes. */
export function describeWrites(context: StoreFixture): void {
  describeRefreshes(context);
  describeConflicts(context);
}

function describeRefreshes(context: StoreFixture): void {
  it("leases a value to one of several refreshes, and keeps the old value meanwhile", async () => {
    await put(context.one, at("a"), content("old", { tags: ["t"] }));
    const claims = await Promise.all([
      context.one.claim(at("a"), { to: "refresh" }),
      context.two.claim(at("a"), { to: "refresh" }),
    ]);
    expect(claims.map(({ is }) => is).sort()).toEqual(["busy", "leased"]);
    expect(await context.two.read(at("a"))).toMatchObject({ is: "busy", old: { text: "old", tags: ["t"] } });
    const token = claims.map((claimed) => (claimed.is === "leased" ? claimed.token : "")).join("");
    expect(await context.one.fillIn({ ...at("a"), token }, content("new"))).toBe(true);
    expect(textOf(await context.two.read(at("a")))).toBe("new");
  });

  it("reads a value without a lease while it is replaced, until its lease has ended", async () => {
    const reasons = [{ to: "refresh" }, { to: "write", version: undefined }] as const;
    for (const [tags, reason] of [[], ["t1"]].flatMap((each) => reasons.map((one) => [each, one] as const))) {
      const address = at(`${reason.to} ${tags.length}`);
      await put(context.one, address, content("old", { tags }));
      const held = await claim(context.one, address, reason);
      expect(await context.one.readWithoutLease(address)).toMatchObject({ text: "old" });
      expect(await context.two.readWithoutLease(address)).toMatchObject({ text: "old" });
      await vi.waitFor(async () => expect(await context.two.readWithoutLease(address)).toBeUndefined(), 2500);
      await context.one.release(held);
    }
  });

  it("restores the old value when a refresh is released", async () => {
    await put(context.one, at("a"), content("old"));
    await context.one.release(await claim(context.one, at("a"), { to: "refresh" }));
    expect(textOf(await context.two.read(at("a")))).toBe("old");
  });

  it("keeps the old value until a write is complete, so that no reader misses a value that is being replaced", async () => {
    await put(context.one, at("a"), content("old"));
    const held = await claim(context.one, at("a"));
    expect(await context.two.read(at("a"))).toMatchObject({ is: "busy", old: { text: "old" } });
    expect(await context.one.fillIn({ ...held, notify: "one" }, content("new"))).toBe(true);
    expect(textOf(await context.two.read(at("a")))).toBe("new");
  });
}

function describeConflicts(context: StoreFixture): void {
  it("lets a write win over a load and over a write that began before it", async () => {
    const load = await lease(context.one, at("a"));
    const first = await claim(context.one, at("a"));
    expect(await write(context.two, at("a"), { text: "second" })).toBe("written");
    expect(await context.one.fillIn(first, content("first"))).toBe(false);
    expect(await context.one.fillIn(load, content("loaded"))).toBe(false);
    expect(textOf(await context.one.read(at("a")))).toBe("second");
  });

  it("refuses a version lower than that of the value or of a write in progress", async () => {
    expect(await write(context.one, at("a"), { text: "v7", version: 7 })).toBe("written");
    expect(await write(context.two, at("a"), { text: "v6", version: 6 })).toBe("older");
    expect(await write(context.two, at("a"), { text: "v10", version: 10 })).toBe("written");
    await claim(context.one, at("a"), { to: "write", version: 12 });
    expect(await write(context.two, at("a"), { text: "v11", version: 11 })).toBe("older");
    expect(await write(context.two, at("a"), { text: "v12", version: 12 })).toBe("written");
    await claim(context.one, at("a"), { to: "refresh" });
    expect(await write(context.two, at("a"), { text: "v11", version: 11 })).toBe("older");
  });

  it("refuses a write that began before an invalidation", async () => {
    const held = await claim(context.one, at("a"));
    await context.two.invalidate(invalidation({ keys: [at("a").key] }));
    expect(await context.one.fillIn(held, content("late"))).toBe(false);
  });
}
