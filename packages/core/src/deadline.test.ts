import { setImmediate as turn } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { createDeadline, withDeadline } from "./deadline.js";
import { TimeoutError } from "./errors.js";

describe("withDeadline", () => {
  it("gives the answer, or the failure, of work that is in time", async () => {
    await expect(withDeadline(Promise.resolve(5), 1000, "work")).resolves.toBe(5);
    await expect(withDeadline(Promise.reject(new Error("no")), 1000, "work")).rejects.toThrow("no");
  });

  it("rejects when the time is up, naming the work and the time", async () => {
    const late = withDeadline(new Promise(() => undefined), 5, "the store");
    await expect(late).rejects.toThrow(TimeoutError);
    await expect(late).rejects.toMatchObject({ timeoutMs: 5, message: "the store did not answer within 5 ms" });
  });

  it("swallows a failure that comes after the deadline", async () => {
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

describe("createDeadline", () => {
  it("holds each of many works to its own end, in any order of answers", async () => {
    const inTime = createDeadline(40);
    const never = new Promise<string>(() => undefined);
    const soon = new Promise((resolve) => setTimeout(resolve, 10, "soon"));
    const first = Promise.allSettled([inTime(never, "a"), inTime(soon, "b"), inTime(never, "c")]);
    await soon;
    // Begun later, so that it ends later than the timer that runs already.
    const startedAt = performance.now();
    await expect(inTime(never, "d")).rejects.toMatchObject({ message: "d did not answer within 40 ms" });
    expect(performance.now() - startedAt).toBeGreaterThan(38);
    expect((await first).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
  });

  it("holds the process while it waits, and no longer", async () => {
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
