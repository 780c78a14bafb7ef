import { describe, expect, it } from "vitest";
import type { Invalidation } from "../store.js";
import { at, claim, type StoreFixture, content, invalidation, lease, put, textOf } from "./context.js";

const ways: readonly [string, Partial<Invalidation>][] = [
  ["key", { keys: [at("a").key] }],
  ["tag", { tags: ["t1"] }],
  ["tenant", { all: true }],
];

/** Invalidated values are never read again, and loads that began before the invalidation are refused. */
export function describeInvalidation(context: StoreFixture): void {
  describe.each(ways)("invalidation by %s", (_name, what) => {
    describeValues(context, what);
    describeLoads(context, what);
  });

  it("refuses a load under a tag that had no value when it was invalidated", async () => {
    const held = await lease(context.one, at("a"));
    await context.two.invalidate(invalidation({ tags: ["t9"] }));
    expect(await context.one.fillIn(held, content("late", { tags: ["t9"] }))).toBe(false);
  });

  it("treats tenant ids with pattern characters as plain names", async () => {
    for (const tenantId of ["*", "{*}", "[a-z]", "?"]) {
      await put(context.one, at("a"), content("mine"));
      await put(context.one, at("a", tenantId), content("theirs"));
      await context.two.invalidate(invalidation({ all: true }, tenantId));
      expect((await context.one.read(at("a", tenantId))).is).toBe("leased");
      expect(textOf(await context.one.read(at("a")))).toBe("mine");
      await context.two.invalidate(invalidation({ all: true }));
    }
  });
}

function describeValues(context: StoreFixture, what: Partial<Invalidation>): void {
  it("removes the value", async () => {
    await put(context.one, at("a"), content("old", { tags: ["t1", "t2"] }));
    await context.two.invalidate(invalidation(what));
    expect((await context.one.read(at("a"))).is).toBe("leased");
  });

  it("leaves other tenants and entries alone", async () => {
    await put(context.one, at("a", "other"), content("theirs", { tags: ["t1"] }));
    await put(context.one, at("a", ""), content("without a tenant", { tags: ["t1"] }));
    await put(context.one, at("b"), content("another", { tags: ["t2"] }));
    await context.two.invalidate(invalidation(what));
    expect(textOf(await context.one.read(at("a", "other")))).toBe("theirs");
    expect(textOf(await context.one.read(at("a", "")))).toBe("without a tenant");
    expect(textOf(await context.one.read(at("b")))).toBe(what.all === true ? "leased" : "another");
  });
}

function describeLoads(context: StoreFixture, what: Partial<Invalidation>): void {
  it("removes a value that is being refreshed, and refuses the refresh", async () => {
    await put(context.one, at("a"), content("old", { tags: ["t1"] }));
    const held = await claim(context.one, at("a"), { to: "refresh" });
    await context.two.invalidate(invalidation(what));
    const found = await context.two.read(at("a"));
    expect(found.is === "value" ? found : found.is === "busy" && found.old).not.toMatchObject({ text: "old" });
    expect(await context.one.fillIn(held, content("late", { tags: ["t1"] }))).toBe(false);
  });

  it("refuses a load that began before it", async () => {
    // The store knows the tag from another entry.
    await put(context.one, at("b"), content("b", { tags: ["t1"] }));
    const held = await lease(context.one, at("a"));
    await context.two.invalidate(invalidation(what));
    expect(await context.one.fillIn(held, content("late", { tags: ["t1"] }))).toBe(false);
    expect(textOf(await context.two.read(at("a")))).not.toBe("late");
  });

  it("accepts a load that began after it", async () => {
    await put(context.one, at("a"), content("old", { tags: ["t1"] }));
    await context.two.invalidate(invalidation(what));
    await put(context.one, at("a"), content("new", { tags: ["t1"] }));
    expect(textOf(await context.two.read(at("a")))).toBe("new");
  });
}
