import { ConfigError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import type { Pool, PoolConfig } from "pg";
import { z } from "zod";

export interface PgNodeOptions {
  /** In events, statistics and routes. No two nodes of a router have the same. */
  name: string;
  /** Which defaults the pool gets: at most 20 connections for a primary, 30 for a replica. @default "replica" */
  role?: "primary" | "replica";
  /** Its `connection_limit`, where it has one, is the size of the pool. */
  connectionString?: string;
  /** Options of `pg`, which win over our defaults and over `connection_limit`. */
  config?: PoolConfig;
  /** A pool of the caller, in place of the two above. It keeps its own options, and is never ended. */
  pool?: Pool;
  /**
   * How long the server works on one statement of a pool that is made here. It is a start-up parameter, which PgBouncer
   * has to be told to ignore. @default no limit
   */
  statementTimeoutMs?: number;
  /** Of two idle replicas one with weight 2 gets twice the reads. @default 1 */
  weight?: number;
  /** Reads prefer replicas of the router's own zone. */
  zone?: string;
}

const isPool = (value: unknown): value is Pool =>
  typeof value === "object" && value !== null && "query" in value && "connect" in value && "totalCount" in value;

const schema = z.strictObject({
  name: z.string().min(1),
  role: z.enum(["primary", "replica"]).default("replica"),
  connectionString: z.string().min(1).optional(),
  config: z
    .custom<PoolConfig>((value) => typeof value === "object" && value !== null, "expected options of pg")
    .optional(),
  pool: z.custom<Pool>(isPool, "expected a pool of pg").optional(),
  statementTimeoutMs: z.int().positive().optional(),
  weight: z.number().positive().optional(),
  zone: z.string().min(1).optional(),
});

export type ParsedNode = PgNodeOptions & Required<Pick<PgNodeOptions, "role">>;

/** @throws {ConfigError} also when a pool comes with options for one, which would be ignored */
export function parseNode(options: PgNodeOptions): ParsedNode {
  const { role } = parseOptions(schema, options, "pgNode");
  const { pool, connectionString, config, statementTimeoutMs } = options;
  const forPools = { connectionString, config, statementTimeoutMs };
  const ignored = Object.entries(forPools).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (pool !== undefined && ignored.length > 0) {
    throw new ConfigError(`pgNode: ${ignored.join(", ")}: the pool that was passed keeps its own options`);
  }
  if (pool === undefined && connectionString === undefined && config === undefined) {
    throw new ConfigError("pgNode: connectionString: expected it, config or pool");
  }
  return { ...options, role };
}

const SIZES = { primary: { max: 20, min: 5 }, replica: { max: 30, min: 10 } } as const;

/** The options of a node's own pool: ours, then those of the connection string, then those of `pg`. */
export function poolConfig({ role, connectionString, config, statementTimeoutMs }: ParsedNode): PoolConfig {
  const url = connectionString ?? config?.connectionString;
  const limit = url === undefined ? undefined : connectionLimit(url);
  const { max, min } = SIZES[role];
  const size = config?.max ?? limit ?? max;
  return {
    max: size,
    // A small pool keeps what it may have.
    min: Math.min(min, size),
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 2_000,
    maxUses: 7_500,
    ...(statementTimeoutMs === undefined ? {} : { statement_timeout: statementTimeoutMs }),
    ...(url === undefined ? {} : { connectionString: url }),
    ...config,
  };
}

/** Prisma's name for the size of a pool, in the parameters of a url. */
function connectionLimit(url: string): number | undefined {
  const written = /[?&]connection_limit=([^&#]*)/.exec(url)?.[1];
  if (written === undefined) return undefined;
  const limit = Number(written);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new ConfigError(`pgNode: connectionString: expected connection_limit to be a positive integer, got ${written}`);
}
