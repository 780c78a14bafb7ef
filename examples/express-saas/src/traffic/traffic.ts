import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "@scale/testkit";
import { send } from "./http-client.js";
import { createTenantTraffic, type TenantTraffic } from "./tenant-traffic.js";
import { zipf } from "./zipf.js";

export interface TrafficOptions {
  /** Of the app. */
  readonly url: string;
  /** The first sends the most. */
  readonly tenantIds: readonly string[];
  readonly requestsPerSecond: number;
  /** Gets the errors of requests that had no answer. */
  readonly onError: (error: unknown) => void;
}

export interface Traffic {
  /** Resolves when no request is under way any more. */
  stop(): Promise<void>;
}

const SEED = 1;
const CONNECTIONS = 32;
/** A server that does not keep up gets no more requests than this at once: the page stays usable. */
const MAX_IN_FLIGHT = 200;
/** After a pause of the machine the requests of this time are made up for, not those of the whole pause. */
const MAX_CATCH_UP_MS = 100;

/** Sends requests of all tenants, at random times and the same ones in every run, until it is stopped. */
export function startTraffic({ url, tenantIds, requestsPerSecond, onError }: TrafficOptions): Traffic {
  const random = seededRandom(SEED);
  const pick = zipf(tenantIds.length, random);
  const tenants = tenantIds.map((tenantId) => createTenantTraffic(tenantId, random));
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const inFlight = new Set<Promise<void>>();
  const stopping = new AbortController();

  async function request(tenant: TenantTraffic): Promise<void> {
    const call = tenant.next();
    try {
      tenant.observe(call, await send(url, agent, call));
    } catch (error) {
      onError(error);
    }
  }

  async function run({ signal }: AbortController): Promise<void> {
    let dueAt = performance.now();
    while (!signal.aborted) {
      // Independent users: the time from one request to the next has an exponential distribution.
      const pauseMs = (-Math.log(1 - random()) * 1000) / requestsPerSecond;
      dueAt = Math.max(dueAt + pauseMs, performance.now() - MAX_CATCH_UP_MS);
      const waitMs = dueAt - performance.now();
      // Only the signal ends a sleep early.
      if (waitMs > 1) await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      const tenant = tenants[pick()];
      if (signal.aborted || tenant === undefined || inFlight.size >= MAX_IN_FLIGHT) continue;
      const sent: Promise<void> = request(tenant).finally(() => inFlight.delete(sent));
      inFlight.add(sent);
    }
  }

  const running = run(stopping);
  return {
    async stop() {
      stopping.abort();
      await running;
      await Promise.all(inFlight);
      agent.destroy();
    },
  };
}
