import { ConfigError, tenancy } from "@scale/core";
import { describeValue, parseTenantId } from "@scale/core/kit";
import type { Sessions } from "./consistency/sessions.js";
import { ShardError } from "./errors.js";
import type { Router } from "./router.js";
import type { Routing } from "./types.js";

export interface ShardedRouterOptions {
  /** Routers by shard name. `close` closes them all. */
  readonly shards: Readonly<Record<string, Router>>;
  readonly tenants: {
    /**
     * Returns the shard name of a tenant, or `undefined` for an unknown tenant. Called for every statement, so read it
     * from memory.
     */
    resolve(tenantId: string): string | undefined;
  };
}

/** Sends each statement to the shard of the current tenant. There is no default shard. */
export interface ShardedRouter extends Routing, Sessions {
  /**
   * Returns the router of a tenant.
   * @param tenantId default: the tenant of the current work
   * @throws {ShardError} for a tenant without a shard, and for a shard that does not exist
   * @throws {TenantError} when there is no tenant
   */
  of(tenantId?: string): Router;
  /** Closes all shards. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/**
 * Creates a router over several clusters. It fails closed: without a tenant, and for an unknown tenant, every call
 * throws.
 * @throws {ConfigError} that names the invalid option
 */
export function createShardedRouter({ shards, tenants }: ShardedRouterOptions): ShardedRouter {
  const routers = new Map(Object.entries(shards ?? {}));
  if (routers.size === 0) {
    throw new ConfigError(`createShardedRouter: shards: expected at least one, got ${describeValue(shards)}`);
  }
  if (typeof tenants?.resolve !== "function") {
    throw new ConfigError(`createShardedRouter: tenants.resolve: expected a function, got ${describeValue(tenants)}`);
  }

  function of(tenantId: string = tenancy.require().tenantId): Router {
    const name = shardOf(tenants, parseTenantId(tenantId));
    const router = routers.get(name);
    if (router !== undefined) return router;
    throw new ShardError(`tenant ${describeValue(tenantId)}: expected a known shard, got ${describeValue(name)}`);
  }

  const all = [...routers.values()];
  return {
    of,
    checkout: (request) => of().checkout(request),
    primaryPool: () => of().primaryPool(),
    pools: () => all.flatMap((router) => router.pools()),
    onEject(listener) {
      const stops = all.map((router) => router.onEject(listener));
      return () => stops.forEach((stop) => stop());
    },
    run: (options, work) => of(options.tenantId).run(options, work),
    primary: (work) => of().primary(work),
    replica: (work) => of().replica(work),
    lookUp: (read) => of().lookUp(read),
    scope: () => of().scope(),
    token: () => of().token(),
    async close(options) {
      await Promise.all(all.map((router) => router.close(options)));
    },
  };
}

function shardOf(tenants: ShardedRouterOptions["tenants"], tenantId: string): string {
  let name: string | undefined;
  try {
    name = tenants.resolve(tenantId);
  } catch (cause) {
    throw new ShardError(`tenant ${describeValue(tenantId)}: tenants.resolve failed`, { cause });
  }
  if (typeof name === "string") return name;
  throw new ShardError(`tenant ${describeValue(tenantId)}: expected a shard name, got ${describeValue(name)}`);
}
