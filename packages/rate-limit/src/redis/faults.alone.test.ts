import { freePort, seededRandom, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { FAULTS } from "../../scenarios/fault-list.js";
import { type FaultLoad, isStores, latencies, startFaultLoad, wrong } from "../../scenarios/fault-load.js";
import { countsOf, pass, refusedPart, suffer } from "../../scenarios/fault-run.js";
import { type FaultStage, limiterOn, startFaultStage, TIMEOUT_MS } from "../../scenarios/fault-stage.js";

const available = inject("redisUrl") !== "";
const SEED = 20_261_120;
/** Maximum delay of a decision after its deadline, without time in which the machine ran other processes. */
const TOLERANCE_MS = 20;
/** Delay that other tests on the machine may add. The proof checks the 20 ms without it. */
const NOISE_MS = 60;

// The full form, many faults of random lengths, is a part of `npm run proof rate-limit`.
describe.skipIf(!available)(`a limiter whose Redis fails (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  let stage: FaultStage;
  let load: FaultLoad;
  beforeAll(async () => {
    stage = await startFaultStage();
    load = startFaultLoad(stage.limiter);
    await pass(300); // The first decisions compile code.
  });
  afterAll(async () => {
    await load.stop();
    await stage.close();
  });

  it.each(FAULTS)("decides in time and by policy through $name, and by Redis again within a second", async (fault) => {
    const { during, recoveryMs } = await suffer(fault, { stage, load, lengthMs: 120 + random() * 400 });
    expect(during.length).toBeGreaterThan(100);
    expect(wrong(during).slice(0, 3)).toEqual([]);
    expect(latencies(during, load.starvation).at(-1)).toBeLessThan(TIMEOUT_MS + TOLERANCE_MS + NOISE_MS);
    expect(recoveryMs).toBeLessThan(1000);
    const [least, most] = fault.isHarmless ? [0, 0.05] : [0.01, 1];
    expect(refusedPart(during, load.starvation)).toBeGreaterThanOrEqual(least);
    expect(refusedPart(during, load.starvation)).toBeLessThanOrEqual(most);
    expect(stage.reported() > 0 || fault.isHarmless).toBe(true);
  });

  it("admits this process's share of a limit while Redis is frozen, and not more", async () => {
    stage.server.pause();
    const check = () => stage.limiter.check({ tenantId: "share" }, { group: "share", groupOnly: true });
    const answers = await Promise.all(Array.from({ length: 30 }, check));
    stage.server.resume();
    expect(answers.map(({ decidedBy }) => decidedBy)).toEqual(answers.map(() => "local"));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10);
  });
});

describe.skipIf(!available)("a limiter whose connections fail and whose Redis keeps its data", () => {
  it("admits nothing that Redis did not count", async () => {
    const stage = await startFaultStage();
    const load = startFaultLoad(stage.limiter);
    for (const fault of FAULTS.filter(({ losesData }) => !losesData))
      await suffer(fault, { stage, load, lengthMs: 100 });
    await load.stop();
    const { admitted, counted } = await countsOf(stage, load.observed);
    await stage.close();
    expect(admitted).toBeGreaterThan(100);
    // More may be counted: Redis may have carried out requests whose replies were lost.
    expect(counted).toBeGreaterThanOrEqual(admitted);
  });
});

describe.skipIf(!available)("a limiter whose Redis never started", () => {
  it("decides in time and by policy, and by Redis soon after its start", async () => {
    const port = await freePort();
    const redis = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 0 });
    redis.on("error", () => undefined);
    const { limiter } = limiterOn(redis);
    const load = startFaultLoad(limiter);
    await pass(400);
    const server = await startRedis({ port, requirepass: "" });
    const startedAt = performance.now();
    await waitUntil(() => load.observed.slice(-20).some(isStores), { what: "decisions by Redis", everyMs: 5 });
    const recoveryMs = performance.now() - startedAt;
    await load.stop();
    limiter.close();
    redis.disconnect();
    await server.stop();
    expect(wrong(load.observed).slice(0, 3)).toEqual([]);
    expect(latencies(load.observed, load.starvation).at(-1)).toBeLessThan(TIMEOUT_MS + TOLERANCE_MS + NOISE_MS);
    expect(recoveryMs).toBeLessThan(1000);
  });
});
