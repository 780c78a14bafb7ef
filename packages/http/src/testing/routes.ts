import type { ServerResponse } from "node:http";
import { InputError, StoreError, type TenantContext, tenancy } from "@scale/core";

/** Handlers of the adapter contract. `ServeAdapter` connects them to the routes of its framework. */
export interface ContractRoutes {
  /** `GET /` and `HEAD /`: 200 with the result as JSON. */
  root(): Promise<TenantSeen>;
  /** `POST /echo`: called with the body as a string; 200 with the result as JSON. */
  echo(body: string): Promise<TenantSeen & { body: string }>;
  /** `GET /slow`: 200 with the result as JSON. It takes as long as the test says, and does not end with its client. */
  slow(): Promise<TenantSeen>;
  /**
   * `GET /t/:tenant/*`, with any path below the tenant: called with the parameter as the router has matched and decoded it; 200 with the result as JSON.
   * The guard runs on the route, so that it sees the parameters.
   */
  orders(tenant: string): Promise<OrdersSeen>;
  /** `GET /error/<kind>`: the framework handles the rejection. */
  fail(kind: string): Promise<never>;
  /**
   * `GET /stream`: 200 with a `text/plain` body that is produced while it is sent. `GET /redirect` has no handler here:
   * it answers 302 to `/` with the redirect of the framework.
   */
  lines(): AsyncGenerator<string>;
  /**
   * Called with the response of `node:http` before the guard runs, as middleware in front of it is. An adapter whose framework
   * creates the response after the guard, as fetch handlers do, does not call it.
   */
  before(response: ServerResponse): void;
}

/** The tenant at the start of the handler and after it has awaited; `null` for none. */
export interface TenantSeen {
  before: TenantContext | null;
  after: TenantContext | null;
}

/** The tenant of the path as the router sees it, and that of the guard. */
export interface OrdersSeen {
  router: string;
  guard: string | null;
}

/** The routes with counters and controls for the tests. */
export interface ObservedRoutes extends ContractRoutes {
  /** Number of handler calls. */
  calls: number;
  /** Awaited between the first line of the stream and the rest. */
  gate: Promise<void>;
  /** Awaited by the slow route. */
  slowGate: Promise<void>;
  /** Number of slow handlers that run. */
  slowRunning: number;
}

/** Holds streams after their first line. @returns a function that releases them */
export function holdStreams(routes: ObservedRoutes): () => void {
  let release = (): void => undefined;
  routes.gate = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

/** Holds slow handlers. @returns a function that lets them end */
export function holdSlow(routes: ObservedRoutes): () => void {
  let release = (): void => undefined;
  routes.slowGate = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

const LINES = 24;
const PADDING = ".".repeat(48 * 1024);

export function createRoutes(): ObservedRoutes {
  const routes: ObservedRoutes = {
    calls: 0,
    gate: Promise.resolve(),
    slowGate: Promise.resolve(),
    slowRunning: 0,
    before: () => undefined,
    async root() {
      routes.calls += 1;
      return seenTenant();
    },
    async echo(body) {
      routes.calls += 1;
      return { ...(await seenTenant()), body };
    },
    async slow() {
      routes.calls += 1;
      routes.slowRunning += 1;
      const seen = await seenTenant();
      await routes.slowGate;
      routes.slowRunning -= 1;
      return seen;
    },
    async orders(router) {
      routes.calls += 1;
      return { router, guard: tenancy.current()?.tenantId ?? null };
    },
    async fail(kind) {
      routes.calls += 1;
      await turns();
      if (kind === "input") throw new InputError("page: expected a number, got x");
      if (kind === "store") throw new StoreError("secret host");
      throw new Error("secret bug");
    },
    async *lines() {
      routes.calls += 1;
      // Large enough to fill the buffers of the socket, so that the connection requests later lines, not the handler.
      for (let line = 0; line < LINES; line++) {
        yield `${tenancy.current()?.tenantId ?? "nobody"} ${PADDING}\n`;
        if (line === 0) await routes.gate;
      }
    },
  };
  return routes;
}

async function seenTenant(): Promise<TenantSeen> {
  const before = tenancy.current() ?? null;
  await turns();
  return { before, after: tenancy.current() ?? null };
}

// A varying number of event loop turns, so that requests interleave.
async function turns(): Promise<void> {
  const count = Math.ceil(Math.random() * 4);
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
