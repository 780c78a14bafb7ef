import { InputError, StoreError, type TenantContext, tenancy } from "@scale/core";

/** What the routes of the adapter contract do. A home wires them to its framework and adds nothing. */
export interface ContractRoutes {
  /** `GET /` and `HEAD /`: answers 200 with what it gives, as JSON. */
  home(): Promise<TenantSeen>;
  /** `POST /echo`: gets the text of the body, answers 200 with what it gives, as JSON. */
  echo(body: string): Promise<TenantSeen & { body: string }>;
  /** `GET /error/<kind>`: hands its rejection to the framework. */
  fail(kind: string): Promise<never>;
  /**
   * `GET /stream`: answers 200 with a body that is produced while it is sent, `text/plain`. `GET /redirect`, which is
   * not here, answers 302 to `/` with the framework's own redirect.
   */
  lines(): AsyncGenerator<string>;
}

/** The tenant when the handler began and after it waited, `null` for none. */
export interface TenantSeen {
  before: TenantContext | null;
  after: TenantContext | null;
}

/** The routes, and what a test sees and steers of them. */
export interface ObservedRoutes extends ContractRoutes {
  /** How often handlers have run. */
  calls: number;
  /** Waited for between the first line of the stream and the rest. */
  gate: Promise<void>;
}

/** Stops streams after their first line. @returns what lets them go on */
export function hold(routes: ObservedRoutes): () => void {
  let release = (): void => undefined;
  routes.gate = new Promise((resolve) => {
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
    async home() {
      routes.calls += 1;
      return seen();
    },
    async echo(body) {
      routes.calls += 1;
      return { ...(await seen()), body };
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
      // Large enough that the socket's buffers fill and later lines are asked for by the connection, not by the handler.
      for (let line = 0; line < LINES; line++) {
        yield `${tenancy.current()?.tenantId ?? "nobody"} ${PADDING}\n`;
        if (line === 0) await routes.gate;
      }
    },
  };
  return routes;
}

async function seen(): Promise<TenantSeen> {
  const before = tenancy.current() ?? null;
  await turns();
  return { before, after: tenancy.current() ?? null };
}

// Some turns of the event loop, not always as many, so that requests interleave.
async function turns(): Promise<void> {
  const count = Math.ceil(Math.random() * 4);
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
