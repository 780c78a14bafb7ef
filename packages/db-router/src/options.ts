import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { isNode } from "./is-node.js";
import type { Consistency, DbNode } from "./types.js";

export interface DiscoveryOptions {
  /**
   * Source of further nodes, called regularly. Nodes that it no longer returns are drained and removed. An error or an
   * empty list changes nothing. Return the same object for the same node each time.
   */
  readonly discover: () => Promise<readonly DbNode[]>;
  /**
   * Interval between two calls, in milliseconds; spread by a quarter. A call that takes longer counts as failed, and what
   * it returns later is dropped.
   * @default 30000
   */
  readonly everyMs?: number;
}

export interface ReadYourWritesOptions {
  /** Time that a read waits for a replica to replay its scope's writes before it goes to the primary. @default 0 */
  readonly waitMs?: number;
  /** Lifetime of a token, in milliseconds. @default 30000 */
  readonly ttlMs?: number;
  /**
   * Secrets that seal the tokens, the same in all processes, each at least 32 characters. The first one seals; all are
   * accepted.
   * @default random bytes: a token is valid in this process only
   */
  readonly secrets?: readonly string[];
}

export interface ReplicaSelectionOptions {
  /** Rule that chooses between eligible replicas. @default "least-in-flight" */
  readonly policy?: "least-in-flight" | "round-robin";
  /** Availability zone of this process. Replicas in the same zone are preferred. */
  readonly zone?: string;
}

export interface LagOptions {
  /** Maximum replica lag in milliseconds; replicas above it receive no reads. @default 5000 */
  readonly maxMs?: number;
  /** Maximum replica lag in bytes of log. @default 8388608, 8 MiB */
  readonly maxBytes?: number;
  /** Interval between two polls of a node, in milliseconds; spread by a quarter. @default 250 */
  readonly pollMs?: number;
  /** Timeout of a poll. @default 500 */
  readonly pollTimeoutMs?: number;
  /**
   * Number of replicas that keep serving whatever their lag, the least lagging first. A scope still sees its own writes.
   * @default 0
   */
  readonly minServing?: number;
}

export interface HealthOptions {
  /** Consecutive failed polls, or failed statements, that eject a node. @default 2 */
  readonly failures?: number;
  /** Duration of the first ejection for failed statements; each failed trial doubles it. @default 1000 */
  readonly ejectMs?: number;
  /** Maximum duration of an ejection. @default 30000 */
  readonly maxEjectMs?: number;
  /** Interval of polls on a new connection, because a frozen server still answers on open ones. @default 1000 */
  readonly probeMs?: number;
  /**
   * Time that statements wait for the replies of an unreachable server when no other node can serve them. They then reject
   * with SCALE_NODE_LOST, or with SCALE_AMBIGUOUS if they may have written. They do so at once when another node takes over
   * the writes.
   * @default 5000
   */
  readonly giveUpMs?: number;
}

export interface BulkheadOptions {
  /** Maximum concurrent statements and transactions of one tenant. A function is called for each statement. */
  readonly perTenant: number | ((tenantId: string) => number);
  /** Maximum for all tenants and for work without a tenant together. @default no limit */
  readonly total?: number;
  /** Maximum queue length of one tenant. @default 100 */
  readonly maxWaiting?: number;
  /** Maximum time in the queue, in milliseconds. @default 1000 */
  readonly waitMs?: number;
}

export interface PrimaryReadsOptions {
  /** Maximum concurrent reads on the primary while no replica is eligible. @default 20 */
  readonly maxConcurrent?: number;
  /**
   * Maximum of one tenant for reads that a session token sends to the primary because replicas lag: a client can send a
   * token as often as it likes. They count in `maxConcurrent` too.
   * @default 10
   */
  readonly perTenant?: number;
  /** Treatment of further reads: queued fairly by tenant, or rejected at once with SCALE_BUSY. @default "queue" */
  readonly onExceeded?: "queue" | "shed";
  /** Maximum queue length of one tenant. @default 100 */
  readonly maxWaiting?: number;
  /** Maximum time in the queue, in milliseconds. @default 2000 */
  readonly waitMs?: number;
}

export interface RouterOptions {
  /** Name in events and errors. @default "db" */
  readonly name?: string;
  /** Node that takes writes at the start. Afterwards polls elect the writer among all nodes. */
  readonly primary: DbNode;
  /** @default [] */
  readonly replicas?: readonly DbNode[];
  /** Nodes that come and go while the router runs. @default none */
  readonly discovery?: DiscoveryOptions;
  /**
   * Guarantee for reads. `session`: a read sees everything that its scope has written or seen. `eventual`: a read may
   * miss what replicas within the maximum lag have not replayed. `strong`: every read goes to the primary.
   * @default "session"
   */
  readonly consistency?: Consistency;
  readonly readYourWrites?: ReadYourWritesOptions;
  readonly replicaSelection?: ReplicaSelectionOptions;
  readonly lag?: LagOptions;
  readonly health?: HealthOptions;
  readonly limits?: {
    /** Limit per tenant. @default none: one tenant can use every connection */
    readonly bulkhead?: BulkheadOptions;
    /** Limit that protects the primary while no replica is eligible. */
    readonly primaryReads?: PrimaryReadsOptions;
  };
  readonly failover?: {
    /** Time that a statement waits for a primary before it rejects with SCALE_NO_PRIMARY. @default 0 */
    readonly waitMs?: number;
  };
  /** Clock, for tests. */
  readonly clock?: Clock;
  /** Source of random numbers in [0, 1), for tests. */
  readonly random?: () => number;
}

const ms = z.number().min(0).max(3_600_000);
const count = z.int().min(0).max(1_000_000);
const positive = z.int().min(1).max(1_000_000);

const node = z.custom<DbNode>(isNode, "expected a node, for example from pgNode()");
const fn = <F>(what: string): z.ZodType<F> => z.custom<F>((value) => typeof value === "function", what);

const lag = z
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
  .prefault({});

const bulkhead = z.strictObject({
  perTenant: z.union([positive, fn<(tenantId: string) => number>("expected a number or a function")]),
  total: positive.default(1_000_000),
  maxWaiting: count.default(100),
  waitMs: ms.default(1_000),
});

const primaryReads = z
  .strictObject({
    maxConcurrent: positive.default(20),
    perTenant: positive.default(10),
    onExceeded: z.enum(["queue", "shed"]).default("queue"),
    maxWaiting: count.default(100),
    waitMs: ms.default(2_000),
  })
  .prefault({});

const schema = z
  .strictObject({
    name: z.string().min(1).default("db"),
    primary: node,
    replicas: z.array(node).default([]),
    discovery: z
      .strictObject({
        discover: fn<DiscoveryOptions["discover"]>("expected a function"),
        everyMs: ms.min(100).default(30_000),
      })
      .optional(),
    consistency: z.enum(["session", "eventual", "strong"]).default("session"),
    readYourWrites: z
      .strictObject({
        waitMs: ms.default(0),
        ttlMs: ms.min(1000).default(30_000),
        secrets: z.array(z.string().min(32)).min(1).optional(),
      })
      .prefault({}),
    replicaSelection: z
      .strictObject({
        policy: z.enum(["least-in-flight", "round-robin"]).default("least-in-flight"),
        zone: z.string().min(1).optional(),
      })
      .prefault({}),
    lag,
    health: z
      .strictObject({
        failures: positive.default(2),
        ejectMs: ms.min(1).default(1_000),
        maxEjectMs: ms.min(1).default(30_000),
        probeMs: ms.default(1_000),
        giveUpMs: ms.default(5_000),
      })
      .prefault({}),
    limits: z.strictObject({ bulkhead: bulkhead.optional(), primaryReads }).prefault({}),
    failover: z.strictObject({ waitMs: ms.default(0) }).prefault({}),
    clock: clockOption.default(systemClock),
    random: fn<() => number>("expected a function").default(() => Math.random),
  })
  .refine(({ lag }) => lag.maxMs > lag.pollMs, {
    path: ["lag", "maxMs"],
    message: "expected more than lag.pollMs, because polls cannot measure a smaller lag",
  })
  .refine(({ primary, replicas }) => new Set([primary, ...replicas].map(({ name }) => name)).size > replicas.length, {
    path: ["replicas"],
    message: "expected a different name for each node",
  });

export interface ParsedOptions {
  readonly name: string;
  readonly primary: DbNode;
  readonly replicas: readonly DbNode[];
  readonly discovery?: Required<DiscoveryOptions> | undefined;
  readonly consistency: Consistency;
  readonly readYourWrites: Pick<Required<ReadYourWritesOptions>, "waitMs" | "ttlMs">;
  readonly replicaSelection: { readonly policy: "least-in-flight" | "round-robin"; readonly zone?: string | undefined };
  readonly lag: Required<LagOptions>;
  readonly health: Required<HealthOptions>;
  readonly limits: {
    readonly bulkhead?: Required<BulkheadOptions> | undefined;
    readonly primaryReads: Required<PrimaryReadsOptions>;
  };
  readonly failover: { readonly waitMs: number };
  readonly clock: Clock;
  readonly random: () => number;
  /** The first one seals. */
  readonly secrets: readonly (string | Buffer)[];
  /** True when the secret is random, and known to this process only. */
  readonly hasOwnSecret: boolean;
}

/** @throws {ConfigError} that names the invalid option */
export function parseRouterOptions(options: RouterOptions): ParsedOptions {
  const parsed = parseOptions(schema, options, "createRouter");
  const { secrets } = parsed.readYourWrites;
  return { ...parsed, secrets: secrets ?? [randomBytes(32)], hasOwnSecret: secrets === undefined };
}
