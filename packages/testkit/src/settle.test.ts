import { describe, expect, it } from "vitest";
import { settleAll } from "./settle.js";

describe("settleAll", () => {
  it("resolves with all values, in order", async () => {
    expect(await settleAll([Promise.resolve(1), new Promise((resolve) => setImmediate(resolve, 2))])).toEqual([1, 2]);
  });

  it("rejects with the first failure only when nothing is under way", async () => {
    let open = true;
    const slow = new Promise<void>((resolve) => {
      setImmediate(() => {
        open = false;
        resolve();
      });
    });
    await expect(settleAll([slow, Promise.reject(new Error("broken"))])).rejects.toThrow("broken");
    expect(open).toBe(false);
  });
});
