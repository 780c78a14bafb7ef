import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Answer,
  type Bound,
  type Line,
  type ProcessPool,
  type SectionOptions,
  startLoad,
  startProcessPool,
} from "@scale/testkit";
import { line } from "../bound.js";
import type { Usage } from "./server.worker.js";
import { CAPACITY, type Kind, LAG_MS, USEFUL_MS } from "./stage.js";

const WORKER = new URL("../../../proofs/src/shed/server.worker.ts", import.meta.resolve("@scale/testkit"));

/** Tenants that send half of the capacity together. */
const QUIET = 10;
const QUIET_PER_SECOND = CAPACITY / 2 / QUIET;
/** How many times as much the noisy tenant sends as each of the others. */
const NOISE = 20;

type Server = ProcessPool<string | Usage | undefined>;

interface Phase {
  readonly perSecond: number;
  readonly tenantOf: (n: number) => string;
}

interface Outcome {
  /** Responses with status 200 that came in time, per second. */
  readonly goodput: number;
  /** The same of the quiet tenants alone. */
  readonly quiet: number;
  readonly served: number;
  readonly refused: number;
  readonly cpuUs: number;
  readonly lagMs: number;
}

/** Does a server under three times its load serve what it can, and do quiet tenants notice a noisy one? */
export async function* overload({ smoke }: SectionOptions): AsyncIterable<Line> {
  const parse = (reply: unknown): string | Usage | undefined => reply as string | Usage | undefined;
  const server: Server = await startProcessPool({ size: 1, script: WORKER, args: undefined, parse });
  const times = smoke ? { warmMs: 300, measureMs: 500 } : { warmMs: 8_000, measureMs: 8_000 };
  const run = (kind: Kind, phase: Phase): Promise<Outcome> => inTime(server, kind, { ...phase, ...times });
  try {
    const many = (n: number): string => `tenant-${n % QUIET}`;
    const peak = await run("fair", { perSecond: CAPACITY * 1.1, tenantOf: many });
    const thrice = await run("fair", { perSecond: CAPACITY * 3, tenantOf: many });
    const alone = await run("fair", { perSecond: CAPACITY * 1.1, tenantOf: () => "alone" });
    const quiet = await run("fair", { perSecond: QUIET_PER_SECOND * QUIET, tenantOf: many });
    const beside = await run("fair", withNoise());
    const blind = await run("blind", withNoise());
    yield* judge({ peak, thrice, alone, quiet, beside, blind });
  } finally {
    await server.close();
  }
}

/** Every tenant sends as before, and one more sends `NOISE` times as much as each of them. */
function withNoise(): Phase {
  const turn = QUIET + NOISE;
  // Spread evenly: two of three requests are the noisy tenant's.
  const tenantOf = (n: number): string => (n % 3 === 0 ? `tenant-${Math.floor(n / 3) % QUIET}` : "noisy");
  return { perSecond: QUIET_PER_SECOND * turn, tenantOf };
}

type Outcomes = Record<"peak" | "thrice" | "alone" | "quiet" | "beside" | "blind", Outcome>;

function* judge({ peak, thrice, alone, quiet, beside, blind }: Outcomes): Iterable<Line> {
  const lag = Math.max(...[peak, thrice, alone, quiet, beside, blind].map(({ lagMs }) => lagMs));
  const ratio = (proof: string, value: number, bound: Bound): Line =>
    line({ proof: `overload: ${proof}`, unit: "ratio", value, bound });
  yield line({
    proof: "overload: p99 of the generator's own delay",
    unit: "ms",
    value: lag,
    bound: { atMost: LAG_MS },
  });
  yield line({
    proof: `overload: goodput at 1.1 times a capacity of ${CAPACITY}/s`,
    unit: "responses/s",
    value: peak.goodput,
    bound: { atLeast: CAPACITY * 0.8 },
  });
  yield ratio("goodput at 3 times the capacity, of that", thrice.goodput / peak.goodput, { atLeast: 0.8 });
  yield ratio("goodput of a tenant that is alone, of that", alone.goodput / peak.goodput, { atLeast: 0.95 });
  const kept = beside.quiet / quiet.quiet;
  yield ratio(`goodput that quiet tenants keep beside one that sends ${NOISE} times as much`, kept, { atLeast: 0.98 });
  // A control: without a loss here, the load would prove nothing.
  const keptBlind = blind.quiet / quiet.quiet;
  yield ratio("the same with a shedder that does not know tenants", keptBlind, { atMost: 0.9 });
  // Both runs serve as much as the server can: they differ by the refusals.
  const perServed = peak.cpuUs / peak.served;
  const moreUs = thrice.cpuUs - peak.cpuUs - (thrice.served - peak.served) * perServed;
  const perRefused = moreUs / (thrice.refused - peak.refused);
  yield ratio("CPU of a refusal, of a served request's", perRefused / perServed, { atMost: 0.2 });
}

interface Run extends Phase {
  readonly warmMs: number;
  readonly measureMs: number;
}

/** Runs a phase; once more, up to twice, when the generator was too late to say anything. */
async function inTime(server: Server, kind: Kind, run: Run): Promise<Outcome> {
  let outcome = await once(server, kind, run);
  for (let again = 0; again < 2 && outcome.lagMs > LAG_MS; again++) outcome = await once(server, kind, run);
  return outcome;
}

async function once(server: Server, kind: Kind, { perSecond, tenantOf, warmMs, measureMs }: Run): Promise<Outcome> {
  const url = (await server.one(0, { start: kind })) as string;
  const tenants: string[] = [];
  const load = startLoad({
    url: `${url}/work`,
    requestsPerSecond: perSecond,
    headers: (n) => ({ "x-tenant-id": (tenants[n] = tenantOf(n)) }),
  });
  await sleep(warmMs);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const [from, before] = [performance.now(), await usageOf(server)];
  await sleep(measureMs);
  const [to, after] = [performance.now(), await usageOf(server)];
  delay.disable();
  await load.stop();
  await server.one(0, "stop");
  // The due time says which request an answer belongs to.
  const origin = Math.min(...load.answers.map(({ dueAt }) => dueAt));
  const numberOf = ({ dueAt }: Answer): number => Math.round(((dueAt - origin) * perSecond) / 1000);
  const measured = load.answers.filter(({ dueAt }) => dueAt >= from && dueAt < to);
  const useful = measured.filter(({ status, latencyMs }) => status === 200 && latencyMs <= USEFUL_MS);
  const seconds = (to - from) / 1000;
  return {
    goodput: useful.length / seconds,
    quiet: useful.filter((answer) => tenants[numberOf(answer)] !== "noisy").length / seconds,
    served: measured.filter(({ status }) => status === 200).length,
    refused: measured.filter(({ status }) => status === 503).length,
    cpuUs: after.cpuUs - before.cpuUs,
    lagMs: Math.max(0, delay.percentile(99) / 1e6 - 10),
  };
}

async function usageOf(server: Server): Promise<Usage> {
  return (await server.one(0, "usage")) as Usage;
}
