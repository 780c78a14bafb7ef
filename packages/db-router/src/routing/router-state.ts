import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { NodeRegistry } from "../cluster/node-registry.js";
import { createPoller, type Poller } from "../cluster/poller.js";
import { createScopes, Scope, type Scopes } from "../consistency/scope.js";
import type { ParsedOptions } from "../options.js";
import type { PrimaryReason } from "../types.js";
import { type ChangeWaiter, createChangeWaiter } from "./change-waiter.js";
import { FairSemaphore } from "./fair-semaphore.js";
import { createReplicaSelector, type ReplicaSelector } from "./replica-selector.js";

/** The state that all checkouts of a router share. */
export interface RouterState {
  readonly name: string;
  readonly registry: NodeRegistry;
  readonly poller: Poller;
  /** Scope of all work outside of `run`. It records every write of the process. */
  readonly sharedScope: Scope;
  readonly scopes: Scopes;
  readonly changes: ChangeWaiter;
  readonly selectReplica: ReplicaSelector;
  readonly bulkhead: FairSemaphore | undefined;
  /** Concurrency limit of a tenant; called for each statement. */
  readonly maxConcurrencyOf: (tenantId: string) => number;
  readonly primaryReads: FairSemaphore;
  /** Maximum of one tenant in `primaryReads`, for reads that a token sends there. */
  readonly tokenReadsPerTenant: number;
  /** Maximum time that a read waits for a replica. */
  readonly waitMs: number;
  /** Maximum time that a statement waits for a primary. */
  readonly failoverWaitMs: number;
  readonly routeCounts: Record<PrimaryReason | "read", number>;
}

export function createRouterState(options: ParsedOptions): RouterState {
  const { name, lag, health, limits, readYourWrites, failover } = options;
  const registry = new NodeRegistry(registryOptions(options));
  const { pollMs, pollTimeoutMs } = lag;
  const poller = createPoller(registry, { pollMs, timeoutMs: pollTimeoutMs, probeMs: health.probeMs });
  const sharedScope = new Scope(registry, { consistency: options.consistency, isShared: true });
  return {
    name,
    registry,
    poller,
    sharedScope,
    scopes: createScopes(sharedScope),
    changes: createChangeWaiter(registry, poller),
    selectReplica: createReplicaSelector(options.replicaSelection),
    bulkhead: limits.bulkhead && new FairSemaphore({ what: "tenant", ...limits.bulkhead }),
    maxConcurrencyOf: tenantLimit(limits.bulkhead?.perTenant),
    primaryReads: primaryReadLimit(limits.primaryReads),
    tokenReadsPerTenant: limits.primaryReads.perTenant,
    waitMs: readYourWrites.waitMs,
    failoverWaitMs: failover.waitMs,
    routeCounts: zeroRouteCounts(),
  };
}

function registryOptions(options: ParsedOptions): ConstructorParameters<typeof NodeRegistry>[0] {
  const { clock, health, lag, name, primary, random, replicas } = options;
  const { maxMs, maxBytes, minServing, pollMs, pollTimeoutMs } = lag;
  // Two rounds, each at its latest, with polls that use their whole timeout.
  const staleMs = 2 * (1.25 * pollMs + 2 * pollTimeoutMs);
  const eligibility = { maxMs, maxBytes, staleMs, failures: health.failures };
  return {
    name,
    primary,
    replicas,
    eligibility,
    ejection: health,
    giveUpMs: health.giveUpMs,
    minServing,
    clock,
    random,
  };
}

function primaryReadLimit(options: ParsedOptions["limits"]["primaryReads"]): FairSemaphore {
  const { maxConcurrent: total, maxWaiting, onExceeded, waitMs } = options;
  return new FairSemaphore({
    what: "primary-reads",
    total,
    maxWaiting: onExceeded === "shed" ? 0 : maxWaiting,
    waitMs,
  });
}

function tenantLimit(limit: number | ((tenantId: string) => number) = Infinity): (tenantId: string) => number {
  if (typeof limit !== "function") return () => limit;
  return (tenantId) => {
    const own: unknown = limit(tenantId);
    // Compared with NaN or a value of another type, no count would ever be too high.
    if (typeof own === "number" && own >= 0) return own;
    throw new ConfigError(
      `limits.bulkhead.perTenant: expected a number for tenant ${describeValue(tenantId)}, got ${describeValue(own)}`,
    );
  };
}

function zeroRouteCounts(): RouterState["routeCounts"] {
  return {
    read: 0,
    write: 0,
    transaction: 0,
    pinned: 0,
    strong: 0,
    "recent-write": 0,
    "no-healthy-replica": 0,
    "read-only-refused": 0,
    conflict: 0,
    "schema-behind": 0,
  };
}
