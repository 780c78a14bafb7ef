import { ConfigError, deadline, tenancy, TenantError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Admissions } from "./admission/admissions.js";
import { type RequestShed, requestShed } from "./events.js";
import { parseShedderOptions, type ShedderOptions } from "./options.js";
import { createShedder, type Shedder } from "./shedder.js";
import type { Admission, Admitted, AdmitRequest } from "./types.js";

const opened: Shedder[] = [];
afterEach(() => {
  for (const shedder of opened.splice(0)) shedder.close();
});

/** Fakes timers and clocks until the test ends. */
function useFakeTimers(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

/** A shedder with a fixed limit, which does not watch the event loop. */
function shedderWith(options: ShedderOptions = {}): Shedder {
  const shedder = createShedder({ concurrency: 4, eventLoopDelayMs: false, maxWaitMs: 60_000, ...options });
  opened.push(shedder);
  return shedder;
}

async function admitted(admission: Admission | Promise<Admission>): Promise<Admitted> {
  const given = await admission;
  if (!given.admitted) throw new Error(`expected an admission, got ${given.reason}`);
  return given;
}

const at = (shedder: Shedder, tenantId: string, request: Partial<AdmitRequest> = {}) =>
  shedder.admit({ tenantId, ...request });

/** Fills the room of a shedder. @returns a function that gives back one place */
async function fill(shedder: Shedder, tenantId: string, count = 4): Promise<() => void> {
  const held = await Promise.all(Array.from({ length: count }, () => admitted(at(shedder, tenantId))));
  return () => held.pop()?.release();
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("createShedder", () => {
  it("admits at once, without a promise, while there is room", () => {
    const shedder = shedderWith();
    const admissions = [1, 2, 3, 4].map(() => at(shedder, "acme"));
    expect(admissions.every((each) => "admitted" in each && each.admitted)).toBe(true);
    expect(shedder.stats()).toMatchObject({ limit: 4, inFlight: 4, waiting: 0, tenants: 1 });
    for (const each of admissions) (each as Admitted).release();
    for (const each of admissions) (each as Admitted).release();
    expect(shedder.stats()).toMatchObject({ inFlight: 0, tenants: 0 });
  });

  it("lends the whole room to a tenant that is alone, and gives the next room to one below its share", async () => {
    const shedder = shedderWith();
    const release = await fill(shedder, "hog");
    const order: string[] = [];
    const queue = (tenantId: string): void =>
      void admitted(at(shedder, tenantId)).then(() => order.push(tenantId), String);
    for (let i = 0; i < 10; i++) queue("hog");
    queue("quiet");
    queue("other");
    release();
    release();
    release();
    await settled();
    expect(order).toEqual(["quiet", "other", "hog"]);
  });

  it("shares by weight, and lends idle room by priority", async () => {
    const shares = { small: { weight: 1 }, large: { weight: 3 }, first: { weight: 1, priority: 1 } } as const;
    const shedder = shedderWith({
      concurrency: 8,
      share: (tenantId) => shares[tenantId as keyof typeof shares] ?? {},
    });
    const inProgress = { small: 0, large: 0 };
    const release = await fill(shedder, "none", 8);
    for (const tenantId of ["small", "large"] as const) {
      for (let i = 0; i < 8; i++) void admitted(at(shedder, tenantId)).then(() => inProgress[tenantId]++, String);
    }
    for (let i = 0; i < 8; i++) release();
    await settled();
    expect(inProgress).toEqual({ small: 2, large: 6 });

    const lender = shedderWith({ share: (tenantId) => shares[tenantId as keyof typeof shares] ?? { weight: 2 } });
    for (const tenantId of ["lender", "small", "first"]) await fill(lender, tenantId, 1);
    const give = await fill(lender, "none", 1);
    const order: string[] = [];
    for (const tenantId of ["small", "first"]) {
      void admitted(at(lender, tenantId)).then(() => order.push(tenantId), String);
    }
    // Both have their own quarter already; the lender does not use its half.
    give();
    await settled();
    expect(order).toEqual(["first"]);
  });

  it("never admits more than the limit, and ends with nothing held, in 100 random schedules", async () => {
    const seed = 20_261_130;
    const random = seededRandom(seed);
    for (let run = 0; run < 100; run++) {
      const limit = 1 + Math.floor(random() * 6);
      const shedder = shedderWith({ concurrency: limit, maxWaiting: Math.floor(random() * 12) });
      const held: Admitted[] = [];
      const answers: Promise<unknown>[] = [];
      for (let step = 0; step < 60; step++) {
        if (random() < 0.6) {
          const cost = 1 + Math.floor(random() * 3);
          const priority = (["high", "normal", "low"] as const)[Math.floor(random() * 3)] ?? "normal";
          const answer = at(shedder, `t${Math.floor(random() * 4)}`, { cost, priority });
          answers.push(Promise.resolve(answer).then((each) => each.admitted && held.push(each)));
        } else held.splice(Math.floor(random() * held.length), 1)[0]?.release();
        if (random() < 0.3) await settled();
        expect(shedder.stats().inFlight, `seed ${seed}, run ${run}`).toBeLessThanOrEqual(limit);
      }
      while (shedder.stats().inFlight > 0 || shedder.stats().waiting > 0) {
        await settled();
        for (const each of held.splice(0)) each.release();
      }
      await Promise.all(answers);
      for (const each of held) each.release();
      expect(shedder.stats(), `seed ${seed}, run ${run}`).toMatchObject({ inFlight: 0, waiting: 0, tenants: 0 });
      shedder.close();
    }
  });
});

describe("a request that a shedder refuses", () => {
  it("is refused at once when its tenant's share cannot serve it in time", async () => {
    const clock = createManualClock();
    const shedder = shedderWith({ clock, concurrency: 2, maxWaitMs: 100 });
    const first = await admitted(at(shedder, "hog"));
    clock.advance(40);
    first.release();
    await fill(shedder, "hog", 2);
    // 2 places, 40 ms each: the fifth in the queue would wait 100 ms.
    const waiting = Array.from({ length: 5 }, () => at(shedder, "hog"));
    expect(waiting.every((each) => each instanceof Promise)).toBe(true);
    expect(at(shedder, "hog")).toEqual({ admitted: false, reason: "no-room", retryAfterMs: 1000 });
    expect(at(shedder, "hog", { waitMs: 0 })).toMatchObject({ reason: "no-room" });
    // The quiet tenant's half is free of a queue.
    expect(at(shedder, "quiet")).toBeInstanceOf(Promise);
  });

  it("is the newest and least urgent of the tenant with the longest queue, when the queue is full", async () => {
    const shedder = shedderWith({ maxWaiting: 3 });
    await fill(shedder, "hog");
    const outcomes: string[] = [];
    const queue = (label: string, tenantId: string, priority: "high" | "normal" | "low"): void =>
      void Promise.resolve(at(shedder, tenantId, { priority })).then((each) =>
        outcomes.push(each.admitted ? label : `${label}: ${each.reason}`),
      );
    queue("hog high", "hog", "high");
    queue("hog low", "hog", "low");
    queue("hog normal", "hog", "normal");
    queue("hog again", "hog", "normal");
    await settled();
    expect(outcomes).toEqual(["hog again: queue-full"]);
    queue("quiet", "quiet", "normal");
    await settled();
    expect(outcomes).toEqual(["hog again: queue-full", "hog low: queue-full"]);
  });

  it("has waited for maxWaitMs, or its own time", async () => {
    useFakeTimers();
    const shedder = shedderWith({ maxWaitMs: 30 });
    await fill(shedder, "acme");
    const outcomes: string[] = [];
    for (const [label, options] of [
      ["long", {}],
      ["short", { waitMs: 5 }],
    ] as const) {
      void Promise.resolve(at(shedder, "acme", options)).then((each) =>
        outcomes.push(each.admitted ? label : `${label}: ${each.reason}`),
      );
    }
    await vi.advanceTimersByTimeAsync(20);
    expect(outcomes).toEqual(["short: waited-too-long"]);
    await vi.advanceTimersByTimeAsync(20);
    expect(outcomes).toEqual(["short: waited-too-long", "long: waited-too-long"]);
    expect(deadline.run(0, () => at(shedder, "acme"))).toMatchObject({ reason: "no-room" });
    expect(shedder.stats()).toMatchObject({ waiting: 0, inFlight: 4 });
  });

  it("was aborted while it waited, or before", async () => {
    const shedder = shedderWith();
    const release = await fill(shedder, "acme");
    const controller = new AbortController();
    const waiting = at(shedder, "acme", { signal: controller.signal });
    controller.abort();
    expect(await waiting).toMatchObject({ admitted: false, reason: "aborted" });
    expect(at(shedder, "acme", { signal: controller.signal })).toMatchObject({ reason: "aborted" });
    release();
    expect(shedder.stats()).toMatchObject({ inFlight: 3, waiting: 0 });
  });

  it("is published in the context of its own tenant", async () => {
    useFakeTimers();
    const seen: (RequestShed & { readonly current: string | undefined })[] = [];
    const stop = requestShed.subscribe((event) => seen.push({ ...event, current: tenancy.current()?.tenantId }));
    const shedder = shedderWith({ name: "api", maxWaitMs: 20 });
    const as = <T>(tenantId: string, work: () => T): T => tenancy.run({ tenantId }, work);
    await as("hog", () => fill(shedder, "hog"));
    const refused = Promise.all([as("hog", () => at(shedder, "hog")), as("quiet", () => at(shedder, "quiet"))]);
    await vi.advanceTimersByTimeAsync(30);
    await refused;
    stop();
    expect(seen.map(({ shedder: name, tenantId, current }) => [name, tenantId, current])).toEqual([
      ["api", "hog", "hog"],
      ["api", "quiet", "quiet"],
    ]);
  });

  it("is the tenant's above its share when the event loop is late", () => {
    const clock = createManualClock();
    const delay = { ms: 0 };
    const options = parseShedderOptions({ concurrency: 1000, clock });
    const admissions = new Admissions(options, {
      note: () => undefined,
      read: () => ({ delayMs: delay.ms, lateForMs: delay.ms > 100 ? 500 : 0 }),
      close: () => undefined,
    });
    const round = (): Record<string, number> => {
      clock.advance(101);
      const refused = { hog: 0, quiet: 0 };
      for (let i = 0; i < 60; i++) {
        const tenantId = i % 12 === 0 ? "quiet" : "hog";
        const admission = admissions.admit({ tenantId }) as Admission;
        if (admission.admitted) admission.release();
        else refused[tenantId]++;
      }
      return refused;
    };
    expect(round()).toEqual({ hog: 0, quiet: 0 });
    delay.ms = 400;
    for (let i = 0; i < 5; i++) round();
    const refused = round();
    expect(refused["quiet"]).toBe(0);
    expect(refused["hog"]).toBeGreaterThan(10);
    expect(admissions.stats()).toMatchObject({ isBraking: true, eventLoopDelayMs: 400 });
  });
});

describe("bad input of a shedder", () => {
  it("throws an error that names the option", () => {
    for (const [options, message] of [
      [{ concurrency: 0 }, /concurrency/],
      [{ concurrency: { min: 10, initial: 5 } }, /initial/],
      [{ maxWaitMs: -1 }, /maxWaitMs.*got -1/],
      [{ share: 5 }, /share/],
      [{ maxWait: 5 }, /maxWait/],
    ] as const) {
      const make = (): Shedder => createShedder(options as ShedderOptions);
      expect(make).toThrow(ConfigError);
      expect(make).toThrow(message);
    }
  });

  it("throws for a request without a tenant, and for numbers that are none", () => {
    const shedder = shedderWith({ share: (tenantId) => (tenantId === "bad" ? { weight: -1 } : {}) });
    expect(() => at(shedder, "")).toThrow(TenantError);
    for (const cost of [0, -1, 1.5, Number.NaN]) expect(() => at(shedder, "acme", { cost })).toThrow(/cost: expected/);
    expect(() => at(shedder, "acme", { waitMs: Number.NaN })).toThrow(/waitMs: expected/);
    expect(() => at(shedder, "acme", { priority: "urgent" as never })).toThrow(/priority: expected/);
    expect(() => at(shedder, "bad")).toThrow(/share: expected .* got/);
    expect(shedder.stats()).toMatchObject({ inFlight: 0, tenants: 0 });
  });

  it("runs work that costs more than the limit alone", async () => {
    const shedder = shedderWith();
    const whole = await admitted(at(shedder, "acme", { cost: 1000 }));
    expect(shedder.stats().inFlight).toBe(4);
    const next = at(shedder, "other");
    expect(next).toBeInstanceOf(Promise);
    whole.release();
    (await admitted(next)).release();
  });
});

describe("run", () => {
  it("gives the room back however the work ends, and rejects with what a client may see", async () => {
    const shedder = shedderWith({ concurrency: 1, maxWaitMs: 0 });
    expect(await shedder.run({ tenantId: "acme" }, async () => 7)).toBe(7);
    await expect(shedder.run({ tenantId: "acme" }, () => Promise.reject(new Error("a mistake")))).rejects.toThrow(
      "a mistake",
    );
    await fill(shedder, "acme", 1);
    await expect(shedder.run({ tenantId: "acme" }, () => 1)).rejects.toMatchObject({
      code: "SCALE_OVERLOAD",
      status: 503,
      reason: "no-room",
      retryAfterMs: 1000,
    });
  });

  it("refuses what waits when the shedder closes, and admits what comes later", async () => {
    const shedder = shedderWith();
    await fill(shedder, "acme");
    const waiting = at(shedder, "acme");
    shedder.close();
    expect(await waiting).toMatchObject({ reason: "aborted" });
    expect(at(shedder, "acme")).toMatchObject({ admitted: true });
  });
});
