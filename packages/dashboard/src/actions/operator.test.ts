import { createManualClock } from "@scale/core/testing";
import { createFacts } from "@scale/http/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { busyMinute } from "../../test/source.js";
import { createOperator, type Operator } from "./operator.js";
import type { OperatorAction } from "./types.js";

const facts = createFacts({ method: "POST" });
const opened: Operator[] = [];
afterEach(() => {
  for (const operator of opened.splice(0)) operator.close();
});

function operatorOf(action: Partial<OperatorAction>) {
  const clock = createManualClock(1_700_000_000_000);
  const errors: unknown[] = [];
  const notes: string[] = [];
  const operator = createOperator({
    ...{ actions: [{ id: "kill", label: "Kill Redis", run: () => undefined, ...action }], clock },
    onError: (error) => errors.push(error),
    onNote: (_kind, text) => notes.push(text),
  });
  opened.push(operator);
  return { operator, clock, errors, notes };
}

/** An action that lasts until the test lets it go, or its signal aborts. */
function held() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return {
    letGo: resolve,
    run: ({ signal }: { signal: AbortSignal }) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      return promise;
    },
  };
}

const isReady = async (operator: Operator): Promise<void> => {
  await vi.waitUntil(() => operator.states()[0]?.status === "ready", { interval: 1 });
};

describe("createOperator", () => {
  it("runs an action once at a time, and keeps what came of it", async () => {
    const { letGo, run } = held();
    const { operator, clock, notes } = operatorOf({ run });
    expect(operator.start("kill", facts)).toBe("started");
    expect(operator.start("kill", facts)).toBe("refused");
    expect(operator.start("nothing", facts)).toBe("unknown");
    expect(operator.states()).toEqual([{ id: "kill", label: "Kill Redis", status: "running", isEnd: false }]);
    clock.advance(4_200);
    letGo();
    await isReady(operator);
    const [incident] = operator.incidents();
    expect(incident).toMatchObject({ label: "Kill Redis", startedAtMs: 1_700_000_000_000 });
    expect(incident).toMatchObject({ endedAtMs: 1_700_000_004_200, recoveredAtMs: 1_700_000_004_200 });
    expect(notes).toEqual([
      "an operator started: Kill Redis",
      "Kill Redis is over and all works again, 4.2 s after it began",
    ]);
  });

  it("ends an action that can be ended, and no other", async () => {
    const { operator } = operatorOf({ ...held(), endLabel: "Restart Redis" });
    expect(operator.end("kill")).toBe("refused");
    operator.start("kill", facts);
    expect(operator.states()).toMatchObject([{ label: "Restart Redis", isEnd: true }]);
    expect(operator.end("kill")).toBe("ending");
    await isReady(operator);
    const other = operatorOf(held());
    other.operator.start("kill", facts);
    expect(other.operator.end("kill")).toBe("refused");
    expect(other.operator.end("nothing")).toBe("unknown");
  });

  it("waits until all works again, whatever the question throws meanwhile", async () => {
    const answers: (() => unknown)[] = [
      () => {
        throw new Error("no answer");
      },
      () => "yes",
      () => true,
    ];
    const isRecovered = (): boolean => answers.shift()?.() as boolean;
    const { operator, errors } = operatorOf({ isRecovered });
    operator.start("kill", facts);
    await vi.waitUntil(() => operator.states()[0]?.status === "recovering", { interval: 1 });
    expect(operator.start("kill", facts)).toBe("refused");
    expect(operator.incidents()[0]).not.toHaveProperty("recoveredAtMs");
    await isReady(operator);
    expect(errors.map(String)).toEqual(["Error: no answer"]);
  });

  it("says that an action failed, without its error, and lets it run again", async () => {
    const { operator, errors, notes } = operatorOf({ run: () => Promise.reject(new Error("redis://:secret@host")) });
    operator.start("kill", facts);
    await isReady(operator);
    expect(operator.incidents()).toMatchObject([{ felt: "the action failed" }]);
    expect(JSON.stringify([operator.incidents(), notes])).not.toContain("secret");
    expect(errors).toHaveLength(1);
    expect(operator.start("kill", facts)).toBe("started");
  });

  it("takes a rejection by the signal for the end that was asked for", async () => {
    const run = ({ signal }: { signal: AbortSignal }): Promise<void> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const { operator, errors } = operatorOf({ run, endLabel: "Stop" });
    operator.start("kill", facts);
    operator.end("kill");
    await isReady(operator);
    expect(errors).toEqual([]);
    expect(operator.incidents()[0]?.felt).toBe("no requests were seen");
  });

  it("aborts what runs when it closes, and starts nothing after it", async () => {
    const { operator } = operatorOf(held());
    operator.start("kill", facts);
    operator.close();
    await isReady(operator);
    expect(operator.start("kill", facts)).toBe("refused");
  });

  it("keeps the last twenty, the newest first, with what their callers noticed", async () => {
    const { operator, clock } = operatorOf({});
    for (let n = 0; n < 25; n++) {
      operator.start("kill", facts);
      await isReady(operator);
      clock.advance(1_000);
    }
    const incidents = operator.incidents();
    expect(incidents).toHaveLength(20);
    expect(incidents[0]?.startedAtMs).toBe(1_700_000_024_000);
    operator.observe(busyMinute);
    expect(operator.incidents()[0]?.felt).toMatch(/^no request failed, \d+ of \d+ were refused, p99 at most 14 ms/);
  });
});
