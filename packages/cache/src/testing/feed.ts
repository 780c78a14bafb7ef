import { systemClock } from "@scale/core";
import { expect, it, vi } from "vitest";
import type { CacheStore, InvalidationListener, Invalidation } from "../store.js";
import { at, type Context, content, ended } from "./context.js";

/** Stores without a feed have nothing to show here. */
export function describeFeed(context: Context): void {
  async function listening(store: CacheStore): Promise<{ heard: Invalidation[]; proofs: number[]; stop(): void }> {
    const heard: Invalidation[] = [];
    const proofs: number[] = [];
    const listener: InvalidationListener = {
      invalidated: ({ tenantId, keys, tags, all }) => heard.push({ tenantId, keys, tags, all }),
      confirmed: (atMs) => proofs.push(atMs),
      lost: () => undefined,
    };
    const stop = store.subscribe?.(listener, 20) ?? (() => undefined);
    await vi.waitFor(() => expect(proofs.length).toBeGreaterThan(0), 5000);
    return { heard, proofs, stop };
  }

  it("tells others what was invalidated and written, in its order, and not who did it", async () => {
    if (context.one.subscribe === undefined) return;
    const [mine, theirs] = [await listening(context.one), await listening(context.two)];
    const all = [ended({ keys: ["row:a"] }), ended({ tags: ["t1"] }), ended({ all: true }, "other")];
    for (const what of all) await context.one.invalidate(what);
    const claim = await context.one.claim(at("a"), { to: "write", version: undefined });
    if (claim.is !== "leased") throw new Error("a write was not let in");
    await context.one.fillIn({ ...at("a"), token: claim.token, notify: true }, content("new"));
    await vi.waitFor(() => expect(theirs.heard).toEqual([...all, ended({ keys: ["row:a"] })]), 5000);
    expect(mine.heard).toEqual([]);
    mine.stop();
    theirs.stop();
  });

  it("proves again and again that all before a time has been told, until it is ended", async () => {
    if (context.one.subscribe === undefined) return;
    const before = systemClock.monotonic();
    const { heard, proofs, stop } = await listening(context.one);
    await context.two.invalidate(ended({ keys: ["row:a"] }));
    const after = systemClock.monotonic();
    await vi.waitFor(() => expect(proofs.at(-1)).toBeGreaterThan(after), 5000);
    expect(heard.length).toBe(1);
    expect(proofs[0]).toBeGreaterThanOrEqual(before);
    stop();
    const count = proofs.length;
    await context.two.invalidate(ended({ keys: ["row:a"] }));
    expect([heard.length, proofs.length - count <= 1]).toEqual([1, true]);
  });
}
