import { LeaseAbort } from "../lease-abort.js";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { createScheduler, type Scheduler, virtualClock, type VirtualClock } from "../testing/index.js";
import type { NewJob, Settlement } from "../store.js";
import type { TenantShare } from "../types.js";
import { type BullmqScripts, readBullmqScripts } from "./bullmq-scripts.js";
import { openConnection, type IoredisConnection } from "./connection.js";
import { jobArgs, segmentOf, shareArgs } from "./job-codec.js";
import { queueOperations, type RunOperation } from "./operations.js";
import { type EndedRun, type Lease, readTurn, type TurnInput, type TurnResult, turnArgs } from "./turn.js";

const url = inject("redisUrl");
const SEED = Number(process.env["FC_SEED"] ?? Date.now() % 2 ** 31);
const RETENTION = { finished: { count: 0, ageMs: 0 }, dead: { count: 0, ageMs: 0 } };

/** One step of a history. `pick` chooses among what is there, by remainder. */
type Step =
  | { readonly is: "add"; readonly tenant: number; readonly share: number; readonly cost: number }
  | { readonly is: "lease"; readonly count: number }
  | { readonly is: "finish" | "hand-back"; readonly pick: number; readonly usedMs: number }
  | { readonly is: "throttle"; readonly pick: number; readonly ms: number }
  | { readonly is: "cancel"; readonly pick: number }
  | { readonly is: "pause" | "resume"; readonly tenant: number }
  | { readonly is: "advance"; readonly ms: number };

const SHARES: readonly TenantShare[] = [
  { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity },
  { weight: 3, maxInFlight: Infinity, maxBacklog: Infinity },
  { weight: 0.3, maxInFlight: 2, maxBacklog: Infinity },
  { weight: 6, maxInFlight: 1, maxBacklog: Infinity },
  { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity, rate: { limit: 2, windowMs: 700 } },
];

/** More than the scripts read of the ring at once. */
const TENANTS = 20;
// A few tenants have most of the jobs.
const tenant = fc.oneof(fc.nat(3), fc.nat(TENANTS - 1));
const pick = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant("add" as const),
      tenant,
      share: fc.nat(4),
      cost: fc.constantFrom(1, 1, 2.5),
    }),
  },
  { weight: 6, arbitrary: fc.record({ is: fc.constant("lease" as const), count: fc.integer({ min: 1, max: 25 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constantFrom("finish" as const, "hand-back" as const),
      pick,
      usedMs: fc.constantFrom(0, 1, 7, 90, 1500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("throttle" as const), pick, ms: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("cancel" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom("pause" as const, "resume" as const), tenant }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("advance" as const), ms: fc.nat(500) }) },
);

interface Running {
  readonly lease: Lease;
  readonly charged: number;
}

/** The same history in Redis and in the pure scheduler. */
class Twins {
  readonly #run: RunOperation;
  readonly #scheduler: Scheduler;
  readonly #clock: VirtualClock;
  readonly #running: Running[] = [];
  readonly #waiting: { readonly id: string; readonly tenantId: string }[] = [];
  readonly #costs = new Map<string, number>();

  constructor(run: RunOperation, clock: VirtualClock, charge: "count" | "time") {
    this.#run = run;
    this.#clock = clock;
    this.#scheduler = createScheduler({ charge });
  }

  get #nowMs(): number {
    return this.#clock.now();
  }

  async apply(step: Step): Promise<void> {
    switch (step.is) {
      case "add":
        return this.#add(`t${step.tenant}`, SHARES[step.share] ?? SHARES[0]!, step.cost);
      case "lease":
        return this.#lease(step.count);
      case "finish":
        return this.#end(step.pick, { kind: "completed", usedMs: step.usedMs });
      case "hand-back":
        return this.#end(step.pick, { kind: "handed-back", usedMs: step.usedMs });
      case "throttle":
        return this.#end(step.pick, { kind: "throttled", usedMs: 5, untilMs: this.#nowMs + step.ms });
      case "cancel":
        return this.#cancel(step.pick);
      case "pause":
      case "resume":
        await this.#run("tenant", [step.is, `t${step.tenant}`]);
        return this.#scheduler[step.is](`t${step.tenant}`, this.#nowMs);
      case "advance":
        return this.#clock.advance(step.ms);
    }
  }

  /** Two jobs for every tenant: the ring is longer than the part of it that a script reads. */
  async fill(): Promise<void> {
    const share = SHARES[0]!;
    const tenantIds = Array.from({ length: TENANTS }, (_, i) => `t${i}`);
    await this.#addAll([...tenantIds, ...tenantIds], share, 1);
  }

  #add(tenantId: string, share: TenantShare, cost: number): Promise<void> {
    return this.#addAll([tenantId], share, cost);
  }

  async #addAll(tenantIds: readonly string[], share: TenantShare, cost: number): Promise<void> {
    const known = [...new Set(tenantIds)];
    const jobs = tenantIds.map(
      (tenantId): NewJob => ({
        ...{ id: randomUUID(), name: "n", version: 1, payload: "{}", tenantId, priority: "normal", cost, share },
        ...{ maxAttempts: 1, maxCrashes: 1, enqueuedAtMs: this.#nowMs },
      }),
    );
    const shares = known.flatMap((tenantId) => [tenantId, ...shareArgs(share)]);
    const args = jobs.flatMap((job) => [...jobArgs(job, known.indexOf(job.tenantId) + 1), "", "0"]);
    await this.#run("add", [String(known.length), String(jobs.length), ...shares, ...args]);
    for (const tenantId of known) this.#scheduler.setShare(tenantId, share, this.#nowMs);
    for (const { id, tenantId } of jobs) {
      this.#costs.set(id, cost);
      this.#waiting.push({ id, tenantId });
      this.#scheduler.enqueue(tenantId, this.#nowMs);
    }
  }

  async #turn(input: Pick<TurnInput, "ended" | "tokens">): Promise<TurnResult> {
    const turn = { ...input, stopping: input.tokens.length === 0, leaseMs: 60_000, retention: RETENTION };
    // A turn wakes the parked tenants that are due before anything else.
    this.#scheduler.next(this.#nowMs);
    return readTurn(await this.#run("turn", turnArgs(turn)), turn);
  }

  async #lease(count: number): Promise<void> {
    const { leases } = await this.#turn({ ended: [], tokens: Array.from({ length: count }, () => randomUUID()) });
    for (let i = 0; i < count; i++) {
      const lease = leases[i];
      const expected = this.#scheduler.next(this.#nowMs);
      assert.equal(lease?.job.tenantId, expected);
      if (lease === undefined || expected === undefined) return;
      const charged = this.#scheduler.start(expected, this.#costs.get(lease.job.id) ?? 1, this.#nowMs);
      this.#running.push({ lease, charged });
      this.#waiting.splice(
        this.#waiting.findIndex(({ id }) => id === lease.job.id),
        1,
      );
    }
  }

  async #end(pick: number, settlement: Settlement): Promise<void> {
    const [running] = this.#running.splice(pick % Math.max(this.#running.length, 1), 1);
    if (running === undefined) return;
    const { lease, charged } = running;
    const run = { ...lease, controller: new LeaseAbort(), leasedAtMs: 0 };
    const ended: EndedRun = { run, settlement, endedAtMs: 0, uncertain: false, isSettled: false };
    const { outcomes } = await this.#turn({ ended: [ended], tokens: [] });
    assert.deepEqual(outcomes, ["applied"]);
    const { tenantId, id } = lease.job;
    this.#scheduler.finish(tenantId, { charged, usedMs: settlement.usedMs, nowMs: this.#nowMs });
    if (settlement.kind === "completed") return;
    this.#waiting.push({ id, tenantId });
    this.#scheduler.enqueue(tenantId, this.#nowMs);
    if (settlement.kind === "throttled") this.#scheduler.park(tenantId, settlement.untilMs, this.#nowMs);
  }

  async #cancel(pick: number): Promise<void> {
    const [job] = this.#waiting.splice(pick % Math.max(this.#waiting.length, 1), 1);
    if (job === undefined) return;
    assert.deepEqual(await this.#run("cancel", ["0", "0", segmentOf(job.id)]), [0]);
    this.#scheduler.dequeue(job.tenantId, this.#nowMs);
  }

  /** Expects the same load of every tenant in both. */
  async compare(): Promise<void> {
    const tenantIds = Array.from({ length: TENANTS }, (_, i) => `t${i}`);
    const stats = (await this.#run("stats", tenantIds)) as number[];
    for (const [i, tenantId] of tenantIds.entries()) {
      const { waiting, inFlight, paused } = this.#scheduler.inspect(tenantId) ?? {
        waiting: 0,
        inFlight: 0,
        paused: false,
      };
      const [n, , f, , p] = stats.slice(7 * i);
      assert.deepEqual([tenantId, n, f, p], [tenantId, waiting, inFlight, paused ? 1 : 0]);
    }
  }
}

describe.skipIf(url === "").each(["count", "time"] as const)("the scheduler in Redis, charging by %s", (charge) => {
  let redis: Redis;
  let connection: IoredisConnection;
  let scripts: BullmqScripts;
  beforeAll(async () => {
    scripts = await readBullmqScripts();
    redis = new Redis(url, { lazyConnect: true });
    connection = openConnection(redis, "differential");
  });
  afterAll(() => {
    connection.disconnect();
    redis.disconnect();
  });

  it(`makes the decisions of the pure scheduler, seed ${SEED}`, async () => {
    const histories = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const clock = virtualClock();
      const keyPrefix = `{test:${randomUUID()}}:q:`;
      const run = queueOperations({
        connection,
        scripts,
        timeoutMs: 5000,
        clock,
        keyPrefix,
        charge,
        idleTtlMs: 60_000,
      });
      const twins = new Twins(run, clock, charge);
      await twins.fill();
      for (const next of steps) await twins.apply(next);
      await twins.compare();
    });
    await fc.assert(histories, { seed: SEED, numRuns: 15, endOnFailure: false });
  }, 60_000);
});
