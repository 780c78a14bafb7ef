import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { servicePolicy } from "@scale/breaker";
import { type Line, percentile, type SectionOptions, startProcessPool } from "@scale/testkit";
import { line } from "../bound.js";
import type { UpstreamAsk, UpstreamCounts } from "./upstream.worker.js";

/** Calls per second: 70 % of the capacity of the upstream. */
const CALLS_PER_SECOND = 140;
const ATTEMPT_MS = 1000;
const NAIVE_ATTEMPTS = 4;

const WORKER = new URL("../../../proofs/src/breaker/upstream.worker.ts", import.meta.resolve("@scale/testkit"));

/** Calls the upstream once. Rejects when it did not succeed. */
type Call = (url: string) => Promise<unknown>;

interface Phases {
  readonly calmMs: number;
  readonly blipMs: number;
  /** From the end of the blip to the measured stretch. */
  readonly graceMs: number;
  readonly measuredMs: number;
}

interface Outcome {
  /** Part of the calls that began in the stretch and succeeded. */
  readonly calm: number;
  readonly blip: number;
  readonly after: number;
  readonly calls: number;
  readonly received: number;
  readonly lagP99Ms: number;
}

/** Does the load of a service recover with it? An upstream stands still for five seconds under 70 % load. */
export async function* retryStorm({ smoke }: SectionOptions): AsyncIterable<Line> {
  const phases = smoke
    ? { calmMs: 500, blipMs: 500, graceMs: 500, measuredMs: 500 }
    : { calmMs: 4000, blipMs: 5000, graceMs: 2000, measuredMs: 8000 };
  const policy = servicePolicy({ name: "upstream" });
  const own = await run((url) => policy.run(({ signal }) => fetchOk(url, signal), { idempotent: true }), phases);
  yield* lines("servicePolicy with its defaults", own, {
    ...{ after: { atLeast: 0.95 }, load: { atMost: 1.25 }, lag: { atMost: 100 } },
  });
  const naive = await run(retryNaively, phases);
  yield* lines(`${NAIVE_ATTEMPTS} attempts of ${ATTEMPT_MS} ms each, without a budget`, naive, {});
  const plain = await run((url) => fetchOk(url, AbortSignal.timeout(ATTEMPT_MS)), phases);
  yield* lines("one attempt", plain, {});
}

interface Bounds {
  readonly after?: { readonly atLeast: number };
  readonly load?: { readonly atMost: number };
  /** A generator that lags does not send a steady load, and the run shows nothing. */
  readonly lag?: { readonly atMost: number };
}

function* lines(who: string, outcome: Outcome, { after, load, lag }: Bounds): Iterable<Line> {
  const about = `retry-storm: ${who}`;
  const { calls, received, lagP99Ms } = outcome;
  yield line({
    proof: `${about}, part that succeeds before the blip`,
    unit: "part",
    value: outcome.calm,
    bound: { atLeast: 0.99 },
  });
  yield line({
    ...{ proof: `${about}, part that succeeds from 2 s after the blip on`, unit: "part", value: outcome.after },
    bound: after ?? { atLeast: 0 },
  });
  yield line({
    ...{ proof: `${about}, requests at the upstream for each call`, unit: "requests", value: received / calls },
    bound: load ?? { atLeast: 0 },
  });
  yield line({
    proof: `${about}, p99 lag of the generator`,
    unit: "ms",
    value: lagP99Ms,
    bound: lag ?? { atMost: 1000 },
  });
}

const agent = new Agent({ keepAlive: true });

/** A request with little work of its own: the generator must not be what is measured. */
function fetchOk(url: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, signal }, (response) => {
      const { statusCode: status = 0 } = response;
      response.once("error", reject);
      response.once("end", () => {
        if (status === 200) resolve();
        else reject(Object.assign(new Error(`status ${status}`), { status }));
      });
      response.resume();
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}

async function retryNaively(url: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOk(url, AbortSignal.timeout(ATTEMPT_MS));
    } catch (error) {
      if (attempt === NAIVE_ATTEMPTS) throw error;
    }
  }
}

async function run(call: Call, phases: Phases): Promise<Outcome> {
  const pool = await startProcessPool({ size: 1, script: WORKER });
  try {
    const port = Number(await pool.one(0, { is: "port" }));
    const load = startCalls(() => call(`http://127.0.0.1:${port}/`));
    await sleep(1000); // The first calls compile code and open connections.
    const calm = await load.stretch(phases.calmMs);
    await pool.one(0, { is: "blip", forMs: phases.blipMs });
    const blip = await load.stretch(phases.blipMs);
    await sleep(phases.graceMs);
    const after = await load.stretch(phases.measuredMs);
    await load.stop();
    const { received } = (await pool.one(0, { is: "count" } satisfies UpstreamAsk)) as UpstreamCounts;
    return {
      ...{ calm: calm(), blip: blip(), after: after() },
      ...{ calls: load.calls(), received, lagP99Ms: load.lagP99Ms() },
    };
  } finally {
    await pool.close();
  }
}

interface Calls {
  /** Waits, and returns a function for the part of the calls begun meanwhile that have succeeded. */
  stretch(ms: number): Promise<() => number>;
  calls(): number;
  lagP99Ms(): number;
  stop(): Promise<void>;
}

/** Calls at a steady rate (open loop), whether or not earlier calls have settled. */
function startCalls(call: () => Promise<unknown>): Calls {
  const isOk: boolean[] = [];
  const lags: number[] = [];
  const open = new Set<Promise<void>>();
  const startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;

  function sendDue(): void {
    const due = ((performance.now() - startedMs) * CALLS_PER_SECOND) / 1000;
    while (isOk.length < due) {
      const index = isOk.length;
      lags.push(performance.now() - startedMs - (index * 1000) / CALLS_PER_SECOND);
      isOk.push(false);
      const one: Promise<void> = call().then(
        () => {
          isOk[index] = true;
          open.delete(one);
        },
        () => void open.delete(one),
      );
      open.add(one);
    }
    timer = setTimeout(sendDue, 2);
  }

  sendDue();
  return {
    async stretch(ms) {
      const from = isOk.length;
      await sleep(ms);
      const to = isOk.length;
      return () => isOk.slice(from, to).filter(Boolean).length / (to - from);
    },
    calls: () => isOk.length,
    lagP99Ms: () => percentile(lags, 0.99),
    async stop() {
      clearTimeout(timer);
      await Promise.all(open);
    },
  };
}
