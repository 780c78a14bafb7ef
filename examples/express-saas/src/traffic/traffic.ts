import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "@scale/testkit";
import { send } from "./http-client.js";
import { createTenantTraffic, type TenantTraffic } from "./tenant-traffic.js";
import { zipf } from "./zipf.js";

export interface TrafficOptions {
  /** Base URL of the app. */
  readonly url: string;
  /** Tenants by descending traffic: the first sends the most. */
  readonly tenantIds: readonly string[];
  readonly requestsPerSecond: number;
  /** Receives the errors of requests that got no response. */
  readonly onError: (error: unknown) => void;
}

export interface Traffic {
  /** Stops sending. Resolves when no request is in flight. */
  stop(): Promise<void>;
}

const SEED = 1;
const CONNECTIONS = 32;
/** Maximum number of requests in flight, so that the live page stays usable when the server cannot keep up. */
const MAX_IN_FLIGHT = 200;
/** Maximum time for which missed requests are sent late, after the machine was paused. */
const MAX_CATCH_UP_MS = 100;

/** Sends random requests of all tenants until stopped. The seed makes the sequence equal in every run. */
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
      // Independent users form a Poisson process: the time between requests is exponentially distributed.
      const pauseMs = (-Math.log(1 - random()) * 1000) / requestsPerSecond;
      dueAt = Math.max(dueAt + pauseMs, performance.now() - MAX_CATCH_UP_MS);
      const waitMs = dueAt - performance.now();
      // The sleep rejects only when the signal aborts it.
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
