import { ConfigError, tenancy } from "@scale/core";
import { parseTenantId, describeValue } from "@scale/core/kit";
import { ShardError } from "./errors.js";
import type { Router } from "./router.js";
import type { Routing } from "./types.js";

export interface ShardedRouterOptions {
  /** By name. They stay the application's to close, or `close` closes all. */
  readonly shards: Readonly<Record<string, Router>>;
  readonly tenants: {
    /**
     * The name of a tenant's shard; `undefined` for a tenant that has none. Asked for every statement, so it should look
     * into memory.
     */
    resolve(tenantId: string): string | undefined;
  };
}

/** A router for each tenant: statements go to the shard of the current tenant, or nowhere. */
export interface ShardedRouter extends Routing, Pick<Router, "primary" | "replica" | "run" | "scope" | "token"> {
  /**
   * The router of a tenant.
   * @param tenantId that of the current work without it
   * @throws {ShardError} for a tenant without a shard, and for a shard that does not exist
   * @throws {TenantError} when there is no tenant
   */
  of(tenantId?: string): Router;
  /** Closes all shards. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/**
 * Fails closed: without a tenant, and for a tenant that nobody knows, every call throws. There is no default shard.
 * @throws {ConfigError} that names the wrong option
 */
export function createShardedRouter({ shards, tenants }: ShardedRouterOptions): ShardedRouter {
  const routers = new Map(Object.entries(shards ?? {}));
  if (routers.size === 0)
    throw new ConfigError(`createShardedRouter: shards: expected at least one, got ${describeValue(shards)}`);
  if (typeof tenants?.resolve !== "function") {
    throw new ConfigError(`createShardedRouter: tenants.resolve: expected a function, got ${describeValue(tenants)}`);
  }

  function of(tenantId: string = tenancy.require().tenantId): Router {
    const name = resolve(parseTenantId(tenantId));
    const router = routers.get(name);
    if (router === undefined)
      throw new ShardError(`tenant ${describeValue(tenantId)}: there is no shard ${describeValue(name)}`);
    return router;
  }

  function resolve(tenantId: string): string {
    let name: string | undefined;
    try {
      name = tenants.resolve(tenantId);
    } catch (cause) {
      throw new ShardError(`tenant ${describeValue(tenantId)}: its shard could not be looked up`, { cause });
    }
    if (typeof name !== "string") throw new ShardError(`tenant ${describeValue(tenantId)} has no shard`);
    return name;
  }

  const all = [...routers.values()];
  return {
    of,
    checkout: (need) => of().checkout(need),
    primaryPool: () => of().primaryPool(),
    pools: () => all.flatMap((router) => router.pools()),
    onEject(listener) {
      const stops = all.map((router) => router.onEject(listener));
      return () => stops.forEach((stop) => stop());
    },
    run: (options, work) => of(options.tenantId).run(options, work),
    primary: (work) => of().primary(work),
    replica: (work) => of().replica(work),
    scope: () => of().scope(),
    token: () => of().token(),
    async close(options) {
      await Promise.all(all.map((router) => router.close(options)));
    },
  };
}
