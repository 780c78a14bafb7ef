import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Choice } from "./routing/replica-selector.js";
import type { Consistency, DbNode } from "./types.js";

export interface LagOptions {
  /** A replica that may lack what was committed longer ago than this serves nothing. @default 5000 */
  readonly maxMs?: number;
  /** Bytes of log that a replica may be behind. @default 8388608, 8 MiB */
  readonly maxBytes?: number;
  /** Between two questions to each node; spread by a quarter. @default 250 */
  readonly pollMs?: number;
  /** After which a question to a node has failed. @default 500 */
  readonly pollTimeoutMs?: number;
  /**
   * Replicas that go on serving however far they lag, the least lagging first. What a scope has written it sees all the
   * same. @default 0
   */
  readonly minServing?: number;
}

export interface ReadYourWritesOptions {
  /** How long a read waits for a replica to have what its scope has written before it goes to the primary. @default 0 */
  readonly waitMs?: number;
  /** How long a token is good for. @default 30000 */
  readonly ttlMs?: number;
  /**
   * What tokens are signed with, the same in all processes: the first signs, all are accepted. At least 32 characters.
   * @default random bytes: tokens are good in this process alone, and elsewhere send reads to the primary
   */
  readonly secrets?: readonly string[];
}

export interface HealthOptions {
  /** Failed polls, or failed statements, in a row that take a node out. @default 2 */
  readonly failures?: number;
  /** How long statements that fail take a node out; it doubles with each failed trial. @default 1000 */
  readonly ejectMs?: number;
  /** @default 30000 */
  readonly maxEjectMs?: number;
  /** How often a poll opens a new connection: a frozen server goes on to answer on those it has. @default 1000 */
  readonly probeMs?: number;
}

export interface PrimaryReadsOptions {
  /** Reads that the primary serves at the same time because no replica may. @default 20 */
  readonly maxConcurrent?: number;
  /** What one more read gets: a place later, fairly by tenant, or SCALE_BUSY at once. @default "queue" */
  readonly onExceeded?: "queue" | "shed";
  /** Reads of one tenant that may wait. @default 100 */
  readonly maxWaiting?: number;
  /** @default 2000 */
  readonly waitMs?: number;
}

export interface BulkheadOptions {
  /** Statements and transactions of one tenant at the same time; a function is asked for each. */
  readonly perTenant: number | ((tenantId: string) => number);
  /** Of all tenants, and of work without one, at the same time. @default no limit */
  readonly total?: number;
  /** Of one tenant that may wait. @default 100 */
  readonly maxWaiting?: number;
  /** @default 1000 */
  readonly waitMs?: number;
}

export interface RouterOptions {
  /** In events and errors. @default "db" */
  readonly name?: string;
  /** Who takes writes at the start; after that the node of all nodes that does. */
  readonly primary: DbNode;
  /** @default [] */
  readonly replicas?: readonly DbNode[];
  /**
   * What reads may miss. `session`: nothing that their scope has written or seen. `eventual`: what replicas within the
   * lag do not have. `strong`: nothing; the primary serves all.
   * @default "session"
   */
  readonly consistency?: Consistency;
  readonly lag?: LagOptions;
  readonly readYourWrites?: ReadYourWritesOptions;
  readonly health?: HealthOptions;
  /** Guards the primary while replicas are gone. */
  readonly primaryReads?: PrimaryReadsOptions;
  /** @default none: a tenant may take every connection */
  readonly bulkhead?: BulkheadOptions;
  readonly failover?: {
    /** How long a write waits for a node that takes it before it fails with SCALE_NO_PRIMARY. @default 0 */
    readonly waitMs?: number;
  };
  /** @default "least-in-flight" */
  readonly replicaSelection?: Choice;
  /** Ours: replicas in it are preferred. */
  readonly zone?: string;
  /**
   * Asked for further nodes now and then: those that it no longer names are drained and removed. An error and an empty
   * list change nothing. It should give the same object for the same node each time.
   */
  readonly discover?: () => Promise<readonly DbNode[]>;
  /** @default 30000 */
  readonly discoverMs?: number;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests: numbers in [0, 1). */
  readonly random?: () => number;
}

const ms = z.number().min(0).max(3_600_000);
const count = z.int().min(0).max(1_000_000);
const positive = z.int().min(1).max(1_000_000);

const node = z.custom<DbNode>(isNode, "expected a node such as pgNode makes");
const fn = <F>(what: string): z.ZodType<F> => z.custom<F>((value) => typeof value === "function", what);

const schema = z
  .strictObject({
    name: z.string().min(1).default("db"),
    primary: node,
    replicas: z.array(node).default([]),
    consistency: z.enum(["session", "eventual", "strong"]).default("session"),
    lag: z
      .strictObject({
        maxMs: ms.min(1).default(5_000),
        maxBytes: z
          .number()
          .min(0)
          .default(8 * 1024 * 1024),
        pollMs: ms.min(5).default(250),
        pollTimeoutMs: ms.min(5).default(500),
        minServing: count.default(0),
      })
      .prefault({}),
    readYourWrites: z
      .strictObject({
        waitMs: ms.default(0),
        ttlMs: ms.min(1000).default(30_000),
        secrets: z.array(z.string().min(32)).min(1).optional(),
      })
      .prefault({}),
    health: z
      .strictObject({
        failures: positive.default(2),
        ejectMs: ms.min(1).default(1_000),
        maxEjectMs: ms.min(1).default(30_000),
        probeMs: ms.default(1_000),
      })
      .prefault({}),
    primaryReads: z
      .strictObject({
        maxConcurrent: positive.default(20),
        onExceeded: z.enum(["queue", "shed"]).default("queue"),
        maxWaiting: count.default(100),
        waitMs: ms.default(2_000),
      })
      .prefault({}),
    bulkhead: z
      .strictObject({
        perTenant: z.union([positive, fn<(tenantId: string) => number>("expected a number or a function")]),
        total: positive.default(1_000_000),
        maxWaiting: count.default(100),
        waitMs: ms.default(1_000),
      })
      .optional(),
    failover: z.strictObject({ waitMs: ms.default(0) }).prefault({}),
    replicaSelection: z.enum(["least-in-flight", "round-robin"]).default("least-in-flight"),
    zone: z.string().min(1).optional(),
    discover: fn<NonNullable<RouterOptions["discover"]>>("expected a function").optional(),
    discoverMs: ms.min(100).default(30_000),
    clock: clockOption.default(systemClock),
    random: fn<() => number>("expected a function").default(() => Math.random),
  })
  .refine(({ lag }) => lag.maxMs > lag.pollMs, {
    path: ["lag", "maxMs"],
    message: "expected more than lag.pollMs, since a lag below that is not seen",
  })
  .refine(({ primary, replicas }) => new Set([primary, ...replicas].map(({ name }) => name)).size > replicas.length, {
    path: ["replicas"],
    message: "expected names that are all different",
  });

export interface ParsedOptions {
  readonly name: string;
  readonly primary: DbNode;
  readonly replicas: readonly DbNode[];
  readonly consistency: Consistency;
  readonly lag: Required<LagOptions>;
  readonly readYourWrites: Pick<Required<ReadYourWritesOptions>, "waitMs" | "ttlMs">;
  readonly health: Required<HealthOptions>;
  readonly primaryReads: Required<PrimaryReadsOptions>;
  readonly bulkhead?: Required<BulkheadOptions> | undefined;
  readonly failover: { readonly waitMs: number };
  readonly replicaSelection: Choice;
  readonly zone?: string | undefined;
  readonly discover?: RouterOptions["discover"] | undefined;
  readonly discoverMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** The first signs. */
  readonly secrets: readonly (string | Buffer)[];
}

/** @throws {ConfigError} that names the wrong option */
export function parseRouterOptions(options: RouterOptions): ParsedOptions {
  const parsed = parseOptions(schema, options, "createRouter");
  return { ...parsed, secrets: parsed.readYourWrites.secrets ?? [randomBytes(32)] };
}

/** True for what can be a node; its pool is looked at by what we use of it. */
export function isNode(value: unknown): value is DbNode {
  if (typeof value !== "object" || value === null) return false;
  const { name, pool, probe } = value as Partial<Record<keyof DbNode, unknown>>;
  if (typeof name !== "string" || name === "" || typeof probe !== "function") return false;
  return typeof pool === "object" && pool !== null && "query" in pool && "connect" in pool && "on" in pool;
}
