import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "@scale/core";
import { seededRandom } from "@scale/testkit";
import type { SeededTenant } from "../db/seed.js";
import type { RequestComparison, RequestMeter } from "./comparison.js";
import { type Answer, type Call, send } from "./http-client.js";
import { createSchedule, pickByRate, type Schedule } from "./schedule.js";
import { createTenantTraffic, type TenantTraffic } from "./tenant-traffic.js";

export interface TrafficOptions {
  /** Base URL of the app. */
  readonly url: string;
  readonly tenants: readonly Pick<SeededTenant, "id" | "plan">[];
  /** Requests of all tenants in a busy hour. */
  readonly requestsPerSecond: number;
  /** Another system that gets the same reads, and where both are measured. */
  readonly comparison?: { readonly url: string; readonly meters: Pick<RequestComparison, "here" | "there"> };
  /** Receives the errors of requests that got no response. */
  readonly onError: (error: unknown) => void;
}

export interface Traffic {
  /**
   * Sends requests of one tenant on top, until the signal aborts. Most of them read every row of the tenant or search all.
   * @returns when the last one was sent
   */
  addNoise(
    tenantId: string,
    noise: { readonly requestsPerSecond: number; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Requests per second that a tenant sends in a busy hour. */
  usualRate(tenantId: string): number;
  /** Stops sending. Resolves when no request is in flight. */
  stop(): Promise<void>;
}

const SEED = 1;
/** On the free plan. */
const ATTACKER = "juniper-studio";
const CONNECTIONS = 32;
/** Callers of another system do not share their connections: requests that hang there hold up no others. */
const CONNECTIONS_THERE = 256;
/** Maximum number of requests for each connection: a longer queue would time out request after request of a slow server. */
const MAX_QUEUED = 2;
/** Maximum time for which missed requests are sent late, after the machine was paused. */
const MAX_CATCH_UP_MS = 100;

/** Sends random requests of all tenants until stopped. The seed makes rates and requests equal in every run. */
export function startTraffic({ url, tenants, requestsPerSecond, comparison, onError }: TrafficOptions): Traffic {
  const schedule = createSchedule({ tenants, requestsPerSecond, attacker: ATTACKER, seed: SEED });
  const usual = schedule.ratesAt(0);
  const random = seededRandom(SEED);
  const users = tenants.map(({ id }) => createTenantTraffic(id, random));
  const here = createLane({ url, connections: CONNECTIONS, meter: comparison?.meters.here, onError });
  // Its failures are counted and shown. They are none of the app.
  const there =
    comparison &&
    createLane({
      url: comparison.url,
      connections: CONNECTIONS_THERE,
      meter: comparison.meters.there,
      onError: () => {},
    });
  const stopping = new AbortController();

  function request(call: Call, onAnswer: (answer: Answer) => void = () => {}): void {
    const isSent = here.send(call, onAnswer);
    // Reads only: the rows that the other system writes would count against the quotas here.
    if (isSent && call.method === "GET") there?.send(call);
  }

  const running = sendPaced({
    ratesNow: ratesOf(schedule),
    random,
    signal: stopping.signal,
    send(at) {
      const user: TenantTraffic | undefined = users[at];
      if (user === undefined) return;
      const call = user.next();
      request(call, (answer) => user.observe(call, answer));
    },
  });
  return {
    async addNoise(tenantId, noise) {
      const own = seededRandom(SEED);
      await sendPaced({
        ratesNow: () => [noise.requestsPerSecond],
        random: own,
        signal: AbortSignal.any([stopping.signal, noise.signal]),
        send: () => request(noisyCall(tenantId, own)),
      });
    },
    usualRate: (tenantId) => usual[tenants.findIndex(({ id }) => id === tenantId)] ?? 0,
    async stop() {
      stopping.abort();
      await running;
      await Promise.all([here.close(), there?.close()]);
    },
  };
}

/** A script that copies all there is: exports, and searches for what no other caller asks for. */
function noisyCall(tenantId: string, random: () => number): Call {
  const part = random();
  const text = Math.floor(random() * 1e6).toString(36);
  const path = part < 0.4 ? `/contacts/search?q=${text}` : part < 0.7 ? "/contacts/export" : "/contacts?limit=20";
  return { method: "GET", path, headers: { "x-tenant-id": tenantId, "x-user-id": "script" } };
}

/** Requests to one system. Those above the maximum are left out, so that the live page stays usable. */
function createLane(options: {
  readonly url: string;
  readonly connections: number;
  readonly meter: RequestMeter | undefined;
  readonly onError: (error: unknown) => void;
}) {
  const { url, connections, meter, onError } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const inFlight = new Set<Promise<void>>();

  async function attempt(call: Call, onAnswer: (answer: Answer) => void): Promise<void> {
    const startedAt = systemClock.monotonic();
    let status: number | undefined;
    try {
      const answer = await send(url, agent, call);
      ({ status } = answer);
      onAnswer(answer);
    } catch (error) {
      onError(error);
    }
    if (call.method === "GET") meter?.record(status, systemClock.monotonic() - startedAt);
  }

  return {
    /** @returns false for a request that was left out */
    send(call: Call, onAnswer: (answer: Answer) => void = () => {}): boolean {
      if (inFlight.size >= MAX_QUEUED * connections) return false;
      const sent: Promise<void> = attempt(call, onAnswer).finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      return true;
    },
    async close(): Promise<void> {
      await Promise.all(inFlight);
      agent.destroy();
    },
  };
}

function ratesOf(schedule: Schedule): () => readonly number[] {
  const startedAt = performance.now();
  return () => schedule.ratesAt((performance.now() - startedAt) / 1000);
}

interface Pace {
  /** Requests per second of each sender, now. */
  readonly ratesNow: () => readonly number[];
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Sends a request of the sender at this index. */
  readonly send: (at: number) => void;
}

async function sendPaced({ ratesNow, random, signal, send: sendAt }: Pace): Promise<void> {
  let dueAt = performance.now();
  while (!signal.aborted) {
    const rates = ratesNow();
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    // Independent users form a Poisson process: the time between requests is exponentially distributed.
    const pauseMs = (-Math.log(1 - random()) * 1000) / total;
    dueAt = Math.max(dueAt + pauseMs, performance.now() - MAX_CATCH_UP_MS);
    const waitMs = dueAt - performance.now();
    // The sleep rejects only when the signal aborts it.
    if (waitMs > 1) await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (!signal.aborted) sendAt(pickByRate(rates, random));
  }
}
