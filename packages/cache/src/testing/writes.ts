import { expect, it } from "vitest";
import type { CacheStore, EntryAddress } from "../store.js";
import { at, type Context, content, ended, lease, put, textOf } from "./context.js";

/** Takes the lease for a write, and fills it. */
async function write(
  store: CacheStore,
  place: EntryAddress,
  what: { text: string; version?: number },
): Promise<string> {
  const claimed = await store.claim(place, { to: "write", version: what.version });
  if (claimed.is !== "leased") return claimed.is;
  return (await store.fillIn({ ...place, token: claimed.token, notify: true }, content(what.text)))
    ? "written"
    : "refused";
}

/** Values that are replaced. */
export function describeWrites(context: Context): void {
  it("keeps the value that is there while one of those that want to refresh it does", async () => {
    await put(context.one, at("a"), content("old", { tags: ["t"] }));
    const claims = await Promise.all([
      context.one.claim(at("a"), { to: "refresh" }),
      context.two.claim(at("a"), { to: "refresh" }),
    ]);
    expect(claims.map(({ is }) => is).sort()).toEqual(["busy", "leased"]);
    expect(await context.two.read(at("a"))).toMatchObject({ is: "busy", old: { text: "old", tags: ["t"] } });
    const claim = claims.find(({ is }) => is === "leased");
    if (claim?.is !== "leased") throw new Error("nobody has the lease");
    expect(await context.one.fillIn({ ...at("a"), token: claim.token }, content("new"))).toBe(true);
    expect(textOf(await context.two.read(at("a")))).toBe("new");
  });

  it("brings the value back when a refresh is given up", async () => {
    await put(context.one, at("a"), content("old"));
    const claim = await context.one.claim(at("a"), { to: "refresh" });
    if (claim.is !== "leased") throw new Error("nobody has the lease");
    await context.one.release({ ...at("a"), token: claim.token });
    expect(textOf(await context.two.read(at("a")))).toBe("old");
  });

  it("lets a write win over a load that began before, and over a write that began before", async () => {
    const load = await lease(context.one, at("a"));
    const first = await context.one.claim(at("a"), { to: "write", version: undefined });
    expect(await write(context.two, at("a"), { text: "second" })).toBe("written");
    if (first.is !== "leased") throw new Error("a write was not let in");
    expect(await context.one.fillIn({ ...at("a"), token: first.token }, content("first"))).toBe(false);
    expect(await context.one.fillIn(load, content("loaded"))).toBe(false);
    expect(textOf(await context.one.read(at("a")))).toBe("second");
  });

  it("hides the old value from the moment on that a write has begun", async () => {
    await put(context.one, at("a"), content("old"));
    await context.one.claim(at("a"), { to: "write", version: undefined });
    expect(await context.two.read(at("a"))).toEqual({ is: "busy", old: undefined });
  });

  it("refuses a lower version, than that of the value and than that of a write under way", async () => {
    expect(await write(context.one, at("a"), { text: "v7", version: 7 })).toBe("written");
    expect(await write(context.two, at("a"), { text: "v6", version: 6 })).toBe("older");
    expect(await write(context.two, at("a"), { text: "v10", version: 10 })).toBe("written");
    await context.one.claim(at("a"), { to: "write", version: 12 });
    expect(await write(context.two, at("a"), { text: "v11", version: 11 })).toBe("older");
    expect(await write(context.two, at("a"), { text: "v12", version: 12 })).toBe("written");
    await context.one.claim(at("a"), { to: "refresh" });
    expect(await write(context.two, at("a"), { text: "v11", version: 11 })).toBe("older");
  });

  it("refuses a write that an invalidation overtook", async () => {
    const claim = await context.one.claim(at("a"), { to: "write", version: undefined });
    await context.two.invalidate(ended({ keys: [at("a").key] }));
    if (claim.is !== "leased") throw new Error("a write was not let in");
    expect(await context.one.fillIn({ ...at("a"), token: claim.token }, content("late"))).toBe(false);
  });
}
