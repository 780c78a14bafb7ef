import { describe, expect, it } from "vitest";
import { createTeardown } from "./teardown.js";

describe("createTeardown", () => {
  it("runs cleanups in reverse order, one after the other", async () => {
    const teardown = createTeardown();
    const done: string[] = [];
    teardown.defer(() => done.push("server"));
    teardown.defer(async () => {
      await Promise.resolve();
      done.push("client");
    });
    await teardown.run();
    expect(done).toEqual(["client", "server"]);
  });

  it("runs all cleanups when one fails, and rejects with the first failure", async () => {
    const teardown = createTeardown();
    let undone = false;
    teardown.defer(() => {
      undone = true;
    });
    teardown.defer(() => Promise.reject(new Error("second")));
    teardown.defer(() => {
      throw new Error("first");
    });
    await expect(teardown.run()).rejects.toThrow("first");
    expect(undone).toBe(true);
  });

  it("runs once for several calls", async () => {
    const teardown = createTeardown();
    let times = 0;
    teardown.defer(() => {
      times += 1;
    });
    await Promise.all([teardown.run(), teardown.run()]);
    expect(times).toBe(1);
  });
});
