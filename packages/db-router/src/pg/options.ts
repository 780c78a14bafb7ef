import { ConfigError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import type { Pool, PoolConfig } from "pg";
import { z } from "zod";

export interface PgNodeOptions {
  /** Name in events, statistics and routes. Unique within a router. */
  name: string;
  /** Defaults of the pool: at most 20 connections for a primary, 30 for a replica. @default "replica" */
  role?: "primary" | "replica";
  /** URL of the server. Its `connection_limit` parameter sets the size of the pool. */
  connectionString?: string;
  /** Options of `pg`, which override the defaults and `connection_limit`. */
  config?: PoolConfig;
  /** Pool of the caller, instead of the two options above. It keeps its own options, and the router never ends it. */
  pool?: Pool;
  /**
   * Maximum run time of a statement on the server, for the pool that is created here. It is a start-up parameter, which
   * PgBouncer must be configured to ignore. @default no limit
   */
  statementTimeoutMs?: number;
  /** Relative share of reads: a replica with weight 2 receives twice the reads of one with weight 1. @default 1 */
  weight?: number;
  /** Availability zone of the server. Reads prefer replicas in the zone of the process. */
  zone?: string;
}

const isPool = (value: unknown): value is Pool =>
  typeof value === "object" && value !== null && "query" in value && "connect" in value && "totalCount" in value;

const schema = z.strictObject({
  name: z.string().min(1),
  role: z.enum(["primary", "replica"]).optional(),
  connectionString: z.string().min(1).optional(),
  config: z
    .custom<PoolConfig>((value) => typeof value === "object" && value !== null, "expected options of pg")
    .optional(),
  pool: z.custom<Pool>(isPool, "expected a pool of pg").optional(),
  statementTimeoutMs: z.int().positive().optional(),
  weight: z.number().positive().optional(),
  zone: z.string().min(1).optional(),
});

/** @throws {ConfigError} also for `pool` together with options that it would ignore */
export function checkNodeOptions(options: PgNodeOptions): void {
  parseOptions(schema, options, "pgNode");
  const { pool, connectionString, config, statementTimeoutMs } = options;
  const forPools = { connectionString, config, statementTimeoutMs };
  const ignored = Object.entries(forPools).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (pool !== undefined && ignored.length > 0) {
    throw new ConfigError(
      `pgNode: pool: expected no ${ignored.join(", ")} beside it, because it keeps its own options`,
    );
  }
  if (pool === undefined && connectionString === undefined && config === undefined) {
    throw new ConfigError("pgNode: expected connectionString, config or pool, got none");
  }
}

const SIZES = { primary: { max: 20, min: 5 }, replica: { max: 30, min: 10 } } as const;

/** The options of a node's own pool: defaults, then the connection string, then `config`. */
export function poolConfig(options: PgNodeOptions): PoolConfig {
  const { role = "replica", connectionString, config, statementTimeoutMs } = options;
  const url = connectionString ?? config?.connectionString;
  const limit = url === undefined ? undefined : connectionLimit(url);
  const { max, min } = SIZES[role];
  const size = config?.max ?? limit ?? max;
  return {
    max: size,
    // A pool below the default minimum keeps all its connections open.
    min: Math.min(min, size),
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 2_000,
    maxUses: 7_500,
    // A peer that has vanished is found without a statement, and idle connections do not keep the process alive.
    keepAlive: true,
    allowExitOnIdle: true,
    ...(statementTimeoutMs === undefined ? {} : { statement_timeout: statementTimeoutMs }),
    ...(url === undefined ? {} : { connectionString: url }),
    ...config,
  };
}

/** The role whose default size the pool has; `undefined` for a size that the caller set. */
export function defaultSizeOf({
  role = "replica",
  connectionString,
  config,
  pool,
}: PgNodeOptions): PgNodeOptions["role"] {
  const url = connectionString ?? config?.connectionString ?? "";
  return pool === undefined && config?.max === undefined && connectionLimit(url) === undefined ? role : undefined;
}

/** The size of a pool by Prisma's URL parameter. */
function connectionLimit(url: string): number | undefined {
  const written = /[?&]connection_limit=([^&#]*)/.exec(url)?.[1];
  if (written === undefined) return undefined;
  const limit = Number(written);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new ConfigError(`pgNode: connectionString: expected connection_limit to be an integer >= 1, got ${written}`);
}
