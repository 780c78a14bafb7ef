import { describe, expect, it, vi } from "vitest";
import type { CacheStore } from "../store.js";
import { createLeaseReturns } from "./lease-returns.js";

const leaseOf = (key: string) => ({ tenantId: "acme", key, token: "t" });

describe("createLeaseReturns", () => {
  it("repeats a release until the store answers, and reports the first failure alone", async () => {
    vi.useFakeTimers();
    let isDown = true;
    const attempts: string[] = [];
    const store = {
      async release({ key }) {
        attempts.push(key);
        if (isDown) throw new Error("down");
      },
    } as Pick<CacheStore, "release"> as CacheStore;
    const returns = createLeaseReturns(store);
    const errors: unknown[] = [];
    returns.add(leaseOf("a"), (error) => errors.push(error));
    returns.add(leaseOf("b"));
    // While the store is down, one attempt shows it for all.
    await vi.advanceTimersByTimeAsync(600);
    expect(attempts).toEqual(["a", "b", "a", "a"]);
    isDown = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(attempts).toEqual(["a", "b", "a", "a", "a", "b"]);
    expect(errors).toHaveLength(1);
    void returns.close();
    vi.useRealTimers();
  });

  it("stops when the cache is closed", async () => {
    vi.useFakeTimers();
    const release = vi.fn(() => Promise.reject(new Error("down")));
    const returns = createLeaseReturns({ release } as Pick<CacheStore, "release"> as CacheStore);
    returns.add(leaseOf("a"));
    await vi.advanceTimersByTimeAsync(300);
    void returns.close();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(release).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });
});
