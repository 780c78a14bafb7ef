import { describe, expect, it } from "vitest";
import { startThenable } from "./start-thenable.js";
import { tenancy } from "./tenancy.js";

/** A query builder: it runs when `then` is called. */
const query = (): PromiseLike<string | undefined> => ({
  // oxlint-disable-next-line unicorn/no-thenable -- a query builder is one
  then: (onFulfilled, onRejected) => Promise.resolve(tenancy.current()?.tenantId).then(onFulfilled, onRejected),
});

describe("startThenable", () => {
  it("runs a query builder for the tenant that started it, not for the one that awaits it", async () => {
    const started = tenancy.run({ tenantId: "acme" }, () => startThenable(query()));
    expect(await tenancy.run({ tenantId: "globex" }, async () => started)).toBe("acme");
    const lazy = tenancy.run({ tenantId: "acme" }, query);
    expect(await tenancy.run({ tenantId: "globex" }, async () => lazy)).toBe("globex");
  });

  it("returns values and promises as they are", () => {
    const promise = Promise.resolve(1);
    expect(startThenable(promise)).toBe(promise);
    expect(startThenable(7)).toBe(7);
  });

  it("rejects with the error of a thenable, also one that throws", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- a query builder is one
    const fail = (then: PromiseLike<never>["then"]): PromiseLike<never> => ({ then });
    const error = new Error("broken");
    await expect(startThenable(fail((_resolve, reject) => Promise.reject(error).catch(reject)) as never)).rejects.toBe(
      error,
    );
    const thrown = fail(() => {
      throw error;
    });
    await expect(startThenable(thrown)).rejects.toBe(error);
  });
});
