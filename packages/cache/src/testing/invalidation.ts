import { describe, expect, it } from "vitest";
import type { Invalidation } from "../store.js";
import { at, type Context, content, ended, lease, put, textOf } from "./context.js";

const ways: readonly [string, Partial<Invalidation>][] = [
  ["its key", { keys: [at("a").key] }],
  ["its tag", { tags: ["t1"] }],
  ["its tenant", { all: true }],
];

/** What is no longer true is read by nobody. */
export function describeInvalidation(context: Context): void {
  describe.each(ways)("by %s", (_name, what) => {
    it("ends the value", async () => {
      await put(context.one, at("a"), content("old", { tags: ["t1", "t2"] }));
      await context.two.invalidate(ended(what));
      expect((await context.one.read(at("a"))).is).toBe("leased");
    });

    it("ends the value that is being refreshed, and the refresh", async () => {
      await put(context.one, at("a"), content("old", { tags: ["t1"] }));
      const claim = await context.one.claim(at("a"), { to: "refresh" });
      if (claim.is !== "leased") throw new Error("nobody has the lease");
      await context.two.invalidate(ended(what));
      const found = await context.two.read(at("a"));
      expect(found.is === "value" ? found : found.is === "busy" && found.old).not.toMatchObject({ text: "old" });
      expect(await context.one.fillIn({ ...at("a"), token: claim.token }, content("late", { tags: ["t1"] }))).toBe(
        false,
      );
    });

    it("refuses what was being loaded", async () => {
      // The tag is known, from another entry.
      await put(context.one, at("b"), content("b", { tags: ["t1"] }));
      const held = await lease(context.one, at("a"));
      await context.two.invalidate(ended(what));
      expect(await context.one.fillIn(held, content("late", { tags: ["t1"] }))).toBe(false);
      expect(textOf(await context.two.read(at("a")))).not.toBe("late");
    });

    it("keeps what is loaded after it", async () => {
      await put(context.one, at("a"), content("old", { tags: ["t1"] }));
      await context.two.invalidate(ended(what));
      await put(context.one, at("a"), content("new", { tags: ["t1"] }));
      expect(textOf(await context.two.read(at("a")))).toBe("new");
    });

    it("leaves other tenants and entries alone", async () => {
      await put(context.one, at("a", "other"), content("theirs", { tags: ["t1"] }));
      await put(context.one, at("a", ""), content("nobody's", { tags: ["t1"] }));
      await put(context.one, at("b"), content("another", { tags: ["t2"] }));
      await context.two.invalidate(ended(what));
      expect(textOf(await context.one.read(at("a", "other")))).toBe("theirs");
      expect(textOf(await context.one.read(at("a", "")))).toBe("nobody's");
      expect(textOf(await context.one.read(at("b")))).toBe(what.all === true ? "leased" : "another");
    });
  });

  it("refuses a load under a tag that nobody knew when it was invalidated", async () => {
    const held = await lease(context.one, at("a"));
    await context.two.invalidate(ended({ tags: ["t9"] }));
    expect(await context.one.fillIn(held, content("late", { tags: ["t9"] }))).toBe(false);
  });

  it("takes the tenant * and what looks like a pattern for a name", async () => {
    for (const tenantId of ["*", "{*}", "[a-z]", "?"]) {
      await put(context.one, at("a"), content("mine"));
      await put(context.one, at("a", tenantId), content("theirs"));
      await context.two.invalidate(ended({ all: true }, tenantId));
      expect((await context.one.read(at("a", tenantId))).is).toBe("leased");
      expect(textOf(await context.one.read(at("a")))).toBe("mine");
      await context.two.invalidate(ended({ all: true }));
    }
  });
}
