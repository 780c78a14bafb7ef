import { describe, expect, it } from "vitest";
import { storeFail } from "./events.js";
import { memoryStore } from "./memory-store.js";
import { createHealth } from "./health.js";

describe("createHealth", () => {
  it("adds units and resolves to the total", async () => {
    const health = createHealth({ store: memoryStore() });
    await health.add("acme", 1);
    expect(await health.add("acme", 2)).toBe(3);
  });

  it.each([0, -1, 0.5, Number.NaN])("rejects %s units", async (units) => {
    const health = createHealth({ store: memoryStore() });
    await expect(health.add("acme", units)).rejects.toMatchObject({ code: "SCALE_INPUT" });
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("down"))],
    ["never answers", () => new Promise<number>(() => undefined)],
  ])("rejects with SCALE_STORE and publishes the failure of a store that %s", async (_what, add) => {
    const failures: string[] = [];
    const stop = storeFail.subscribe(({ tenantId }) => void failures.push(tenantId));
    const health = createHealth({ store: { add }, timeoutMs: 5 });
    await expect(health.add("acme", 1)).rejects.toMatchObject({ code: "SCALE_STORE" });
    stop();
    expect(failures).toEqual(["acme"]);
  });

  it("names a wrong option", () => {
    expect(() => createHealth({ store: memoryStore(), timeoutMs: 0 })).toThrow(/timeoutMs.*got 0/);
  });
});
