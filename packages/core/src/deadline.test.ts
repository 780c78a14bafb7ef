import { setImmediate as turn } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { createDeadline, withDeadline, withStoreDeadline } from "./deadline.js";
import { TimeoutError } from "./errors.js";

describe("withDeadline", () => {
  it("resolves or rejects as the work does within the deadline", async () => {
    await expect(withDeadline(Promise.resolve(5), 1000, "work")).resolves.toBe(5);
    await expect(withDeadline(Promise.reject(new Error("no")), 1000, "work")).rejects.toThrow("no");
  });

  it("rejects at the deadline, with the work and the time in the message", async () => {
    const late = withDeadline(new Promise(() => undefined), 5, "the store");
    await expect(late).rejects.toThrow(TimeoutError);
    await expect(late).rejects.toMatchObject({ timeoutMs: 5, message: "the store did not answer within 5 ms" });
  });

  it("swallows a failure after the deadline", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    let fail = (_error: Error): void => undefined;
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(withDeadline(work, 1, "work")).rejects.toThrow(TimeoutError);
    fail(new Error("late"));
    await turn();
    await turn();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it("prefers an answer that arrived while the event loop was blocked", async () => {
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise((resolve) => port2.once("message", resolve));
    const waiting = withDeadline(answer, 5, "work");
    port1.postMessage("in time");
    const until = performance.now() + 50;
    while (performance.now() < until);
    await expect(waiting).resolves.toBe("in time");
    port1.close();
  });
});

describe("withStoreDeadline", () => {
  const inTime = createDeadline(5);

  it("returns the answer of the store, given at once or by a promise", async () => {
    await expect(withStoreDeadline(() => 5, inTime, "the store")).resolves.toBe(5);
    await expect(withStoreDeadline(() => Promise.resolve(6), inTime, "the store")).resolves.toBe(6);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
  ])("rejects with a StoreError and its cause when the store %s", async (_, call) => {
    await expect(withStoreDeadline(call, inTime, "the store")).rejects.toMatchObject({
      code: "SCALE_STORE",
      message: "the store could not answer",
      cause: { message: "no" },
    });
  });

  it("rejects with a StoreError at the deadline, and leaves the deadline to a store that has its own", async () => {
    const never = () => new Promise<never>(() => undefined);
    const late = () => new Promise((resolve) => setTimeout(resolve, 20, "late"));
    await expect(withStoreDeadline(never, inTime, "the store")).rejects.toMatchObject({
      code: "SCALE_STORE",
      cause: { code: "SCALE_TIMEOUT", message: "the store did not answer within 5 ms" },
    });
    await expect(withStoreDeadline(late, undefined, "the store")).resolves.toBe("late");
  });
});

describe("createDeadline", () => {
  it("waits for longer than a timer of Node can, without a timer that ends at once", async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", note);
    let resolve = (_value: number): void => undefined;
    const promise = new Promise<number>((settle) => {
      resolve = settle;
    });
    const answer = createDeadline(2 ** 31)(promise, "work");
    await turn();
    await turn();
    resolve(1);
    expect(await answer).toBe(1);
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("applies to each of many calls its own deadline, in any order of answers", async () => {
    const inTime = createDeadline(40);
    const never = new Promise<string>(() => undefined);
    const soon = new Promise((resolve) => setTimeout(resolve, 10, "soon"));
    const first = Promise.allSettled([inTime(never, "a"), inTime(soon, "b"), inTime(never, "c")]);
    await soon;
    // Starts later, so that its deadline is later than the timer that is already set.
    const startedAt = performance.now();
    await expect(inTime(never, "d")).rejects.toMatchObject({ message: "d did not answer within 40 ms" });
    expect(performance.now() - startedAt).toBeGreaterThan(38);
    expect((await first).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
  });

  it("keeps the process alive while it waits, and no longer", async () => {
    const held = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = held();
    const inTime = createDeadline(60_000);
    await inTime(Promise.resolve(), "warm");
    expect(held()).toBe(before);
    let answer = (): void => undefined;
    const waiting = inTime(
      new Promise<void>((resolve) => {
        answer = resolve;
      }),
      "work",
    );
    expect(held()).toBe(before + 1);
    answer();
    await waiting;
    expect(held()).toBe(before);
  });
});
