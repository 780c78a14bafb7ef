import { tenancy } from "@scale/core";
import type { Consistency } from "../types.js";
import { Scope, type ScopeInit, type Scopes } from "./scope.js";
import { applyToken, createSession, type Session, type SessionContext } from "./session.js";

export interface RunOptions {
  /**
   * Token of an earlier session of the same tenant, whose writes this one must see.
   */
  readonly token?: string | undefined;
  /**
   * Treatment of a token that is malformed, forged, expired, of another tenant or another cluster. `primary`: the reads of
   * the scope go to the primary until a replica has everything that was committed before, for tokens that the application
   * itself has kept. `ignore`: it counts as none, for tokens that a client has sent.
   * @default "primary"
   */
  readonly whenRefused?: "primary" | "ignore";
  /** Tenant of the work, as in `tenancy.run`. @default the tenant of the current work */
  readonly tenantId?: string;
  /** @default the consistency of the enclosing scope, or else of the router */
  readonly consistency?: Consistency;
  /**
   * True for a session that is independent of this process's earlier writes, for example a request without a token.
   * @default true with a token, false without one
   */
  readonly startFresh?: boolean;
}

/** Work in scopes, as routers and sharded routers run it. */
export interface Sessions {
  /**
   * Runs `work` in its own scope: its reads see its writes, and never go back in time. Work outside of any scope shares
   * one, where every write of the process sends all reads to the primary until replicas have replayed it.
   * A scope starts with the position of the enclosing scope, or of the shared one unless `startFresh` is set. Its writes
   * are recorded in the enclosing scope too.
   * A lazy query that `work` returns starts inside the scope, and is returned as a promise.
   */
  run<T>(options: RunOptions, work: (session: Session) => T): T;
  /** Runs `work` in a scope whose statements all go to the primary. */
  primary<T>(work: () => T): T;
  /**
   * Runs `work` in a scope whose reads go to one replica while it has the scope's writes, whatever the `consistency`.
   */
  replica<T>(work: () => T): T;
  /**
   * Runs a look-up that decides something, such as whether a tenant exists, in a session of its own. If `read` finds nothing
   * on a replica (`undefined`, `null` or an empty list), it runs again on the primary: the row may not be replayed yet.
   */
  lookUp<T>(read: () => Promise<T>): Promise<T>;
  /** Identifies the scope of the current work, for comparison; `undefined` for the shared one. */
  scope(): object | undefined;
  /** Returns a token for the writes of the current scope, for `run` elsewhere; see `Session.token`. */
  token(): Promise<string | undefined>;
}

export function createSessions(scopes: Scopes, context: SessionContext, defaultConsistency: Consistency): Sessions {
  function scopeFor(init: Pick<RunOptions, "startFresh"> & Partial<Pick<ScopeInit, "consistency" | "pin">>): Scope {
    // A fresh session may have an enclosing scope, but never the shared one.
    const parent = init.startFresh === true ? scopes.active() : scopes.current();
    const consistency = init.consistency ?? parent?.consistency ?? defaultConsistency;
    return new Scope(context.registry, { parent, consistency, pin: init.pin ?? parent?.pin });
  }

  function runInScope<T>(
    { token, consistency, startFresh = token !== undefined, whenRefused = "primary" }: Omit<RunOptions, "tenantId">,
    work: (session: Session) => T,
  ): T {
    const scope = scopeFor({ startFresh, ...(consistency && { consistency }) });
    const tenantId = tenancy.current()?.tenantId;
    if (token !== undefined) applyToken(context, scope, { token, tenantId, whenRefused });
    return scopes.run(scope, () => work(createSession(context, scope, tenantId)));
  }

  return {
    run({ tenantId, ...options }, work) {
      const isOther = tenantId !== undefined && tenantId !== tenancy.current()?.tenantId;
      return isOther ? tenancy.run({ tenantId }, () => runInScope(options, work)) : runInScope(options, work);
    },
    primary: (work) => scopes.run(scopeFor({ pin: "primary" }), work),
    replica: (work) => scopes.run(scopeFor({ pin: "replica" }), work),
    async lookUp(read) {
      const scope = new Scope(context.registry, { consistency: "session" });
      const found = await scopes.run(scope, read);
      if (!isAbsent(found) || scope.stickyReplica === undefined) return found;
      return scopes.run(new Scope(context.registry, { consistency: "session", pin: "primary" }), read);
    },
    scope: () => scopes.active(),
    token: () => createSession(context, scopes.current(), tenancy.current()?.tenantId).token(),
  };
}

function isAbsent(found: unknown): boolean {
  return found === undefined || found === null || (Array.isArray(found) && found.length === 0);
}
