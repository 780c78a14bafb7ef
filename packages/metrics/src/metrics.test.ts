import { describe, expect, it } from "vitest";
import { storeFail } from "./events.js";
import { memoryStore } from "./memory-store.js";
import { createMetrics } from "./metrics.js";

describe("createMetrics", () => {
  it("adds units and resolves to the total", async () => {
    const metrics = createMetrics({ store: memoryStore() });
    await metrics.add("acme", 1);
    expect(await metrics.add("acme", 2)).toBe(3);
  });

  it.each([0, -1, 0.5, Number.NaN])("rejects %s units", async (units) => {
    const metrics = createMetrics({ store: memoryStore() });
    await expect(metrics.add("acme", units)).rejects.toMatchObject({ code: "SCALE_INPUT" });
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("down"))],
    ["never answers", () => new Promise<number>(() => undefined)],
  ])("rejects with SCALE_STORE and publishes the failure of a store that %s", async (_what, add) => {
    const failures: string[] = [];
    const stop = storeFail.subscribe(({ tenantId }) => void failures.push(tenantId));
    const metrics = createMetrics({ store: { add }, timeoutMs: 5 });
    await expect(metrics.add("acme", 1)).rejects.toMatchObject({ code: "SCALE_STORE" });
    stop();
    expect(failures).toEqual(["acme"]);
  });

  it("names a wrong option", () => {
    expect(() => createMetrics({ store: memoryStore(), timeoutMs: 0 })).toThrow(/timeoutMs.*got 0/);
  });
});
