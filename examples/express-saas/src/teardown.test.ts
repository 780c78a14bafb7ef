import { describe, expect, it } from "vitest";
import { createTeardown } from "./teardown.js";

describe("createTeardown", () => {
  it("undoes in the opposite order, one after the other", async () => {
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

  it("undoes the rest when one fails, and then tells the first failure", async () => {
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

  it("runs once, however often it is asked", async () => {
    const teardown = createTeardown();
    let times = 0;
    teardown.defer(() => {
      times += 1;
    });
    await Promise.all([teardown.run(), teardown.run()]);
    expect(times).toBe(1);
  });
});
