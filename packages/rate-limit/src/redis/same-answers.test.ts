import { isDeepStrictEqual } from "node:util";
import type { RateLimitRule } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it } from "vitest";
import { memoryStore } from "../memory/store.js";
import { ruleOf } from "../testing/rule.js";
import type { Charge, RateLimitStore, ConsumeRequest, ConsumeResult } from "../types.js";
import { modelStore } from "../../test/model-store.js";
import { redisStore } from "./store.js";

const url = inject("redisUrl");
const SEED = 20_261_120;
const STEPS = 4000;
const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window", "concurrency"] as const;

/** A charge that the script for GCRA rules decides. */
const plainly = ({ rule: { block: _block, ...rule }, scope, subject }: Charge): Charge => ({
  ...{ rule: { ...rule, shadow: false }, scope, subject },
});

/** A schedule of requests, refunds, releases and resets, the same for the same seed. */
function createSchedule(seed: number) {
  const random = seededRandom(seed);
  let ids = 0;
  const pick = (n: number): number => Math.floor(random() * n);
  const rules = Array.from({ length: 24 }, (_, i): RateLimitRule => {
    const limit = 1 + pick(30);
    const algorithm = ALGORITHMS[i % ALGORITHMS.length] ?? "gcra";
    const burst = algorithm === "gcra" ? 1 + pick(60) : limit;
    const block = { afterDenials: 1 + pick(4), durationMs: 1 + pick(20_000), factor: 1 + pick(3), maxMs: 40_000 };
    const rule = ruleOf({ name: `r${i}`, algorithm, limit, burst, windowMs: 1 + pick(60_000), shadow: pick(6) === 0 });
    return algorithm === "concurrency" || pick(3) > 0 ? rule : { ...rule, block };
  });

  /** Changes the limit or the window of a rule, which keeps its name. */
  function change(): void {
    const i = pick(rules.length);
    const rule = rules[i] as RateLimitRule;
    const limit = 1 + pick(30);
    rules[i] = { ...rule, limit, burst: limit, windowMs: pick(2) === 0 ? rule.windowMs : 1 + pick(60_000) };
  }

  const charge = (i: number): Charge => {
    const rule = rules[i] as RateLimitRule;
    const want = rule.algorithm === "gcra" && rule.block === undefined && pick(4) === 0 ? { want: pick(6) } : {};
    return { rule, scope: ["api", rule.name], subject: `s${pick(2)}`, ...want };
  };

  return {
    pick,
    change,
    request: (plain: boolean): ConsumeRequest => {
      const chosen = [...new Set([pick(24), pick(24), pick(24)])].map((i) => (plain ? i - (i % 5) : i));
      const charges = [...new Set(chosen)].map(charge);
      return {
        tenantId: `t${pick(3)}`,
        cost: pick(7),
        charges: plain ? charges.map(plainly) : charges,
        ...(plain ? {} : { slot: `slot-${pick(6)}` }),
        ...(!plain && pick(40) === 0 && { force: { id: `id-${ids++}` } }),
      };
    },
  };
}

interface Run {
  readonly seed: number;
  /** Moves the clock. */
  step(random: number): void;
  /** Whether limits and windows change. */
  readonly changes: boolean;
}

/** Runs the same schedule on two stores, and expects the same results. */
async function compare(stores: readonly RateLimitStore[], { seed, step, changes }: Run): Promise<void> {
  const schedule = createSchedule(seed);
  const given: { request: ConsumeRequest; answers: readonly ConsumeResult[] }[] = [];
  for (let i = 0; i < STEPS; i++) {
    step(schedule.pick(1000));
    const kind = schedule.pick(20);
    if (kind === 0 && changes) schedule.change();
    // Several at once make a batch, whose later requests see the charges of earlier ones.
    const asked = Array.from({ length: kind < 4 ? 5 : 1 }, () => schedule.request(schedule.pick(2) === 0));
    // A charge beyond the limits comes twice.
    const takes = asked.flatMap((request) => (request.force === undefined ? [request] : [request, request]));
    const answers = await Promise.all(
      stores.map((store) => Promise.all(takes.map((request) => store.consume(request)))),
    );
    // The comparison of vitest would take most of the time of a step.
    expect(isDeepStrictEqual(answers[1], answers[0]) ? undefined : { seed, i, takes, answers }).toBeUndefined();
    takes.forEach((request, at) => given.push({ request, answers: answers.map((all) => all[at] as ConsumeResult) }));
    const past = given[schedule.pick(given.length)];
    if (past === undefined) continue;
    const { tenantId, charges, cost, slot = "" } = past.request;
    if (kind === 5 && past.answers[0]?.allowed === true && cost > 0) {
      const units = 1 + schedule.pick(cost);
      // Half of the refunds have an id, and come twice.
      const ids = schedule.pick(2) === 0 ? [undefined] : [`refund-${i}`, `refund-${i}`];
      for (const id of ids) {
        const refund = { tenantId, units, charges, ...(id !== undefined && { id }) };
        await Promise.all(
          stores.map((store, at) => store.refund({ ...refund, consumed: past.answers[at] as ConsumeResult })),
        );
      }
    }
    const held = { tenantId, slot, charges: charges.filter(({ rule }) => rule.algorithm === "concurrency") };
    if (kind === 6 && held.charges.length > 0) await Promise.all(stores.map((store) => store.release(held)));
    if (kind === 7) await Promise.all(stores.map((store) => store.reset({ tenantId, charges })));
  }
}

describe("memoryStore", () => {
  it.each([SEED, SEED + 1, SEED + 2])("gives the results of the algorithms over plain maps (seed %i)", async (seed) => {
    const clock = createManualClock();
    const advance = (random: number): void => clock.advance(random < 300 ? random * 40 : random % 5);
    // Without changes: what is empty under the rule that wrote it is forgotten, and would not be empty under a slower one.
    await compare([modelStore(clock), memoryStore({ clock })], { seed, step: advance, changes: false });
  });
});

describe.skipIf(!url)("redisStore", () => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  afterAll(() => redis.disconnect());

  it.each([SEED, SEED + 1, SEED + 2])(
    "gives the same results, also when the clock is set back (seed %i)",
    async (seed) => {
      const clock = createManualClock();
      const store = redisStore({ redis, clock, prefix: `same:${process.pid}:${seed}`, timeoutMs: 5000 });
      const advance = (random: number): void => {
        if (random === 999) clock.setWall(clock.now() - 90_000);
        else clock.advance(random < 300 ? random * 40 : random % 5);
      };
      await compare([modelStore(clock), store], { seed, step: advance, changes: true });
    },
    60_000,
  );
});
