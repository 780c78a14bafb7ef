import { tenancy } from "@scale/core";
import type { NodeState } from "../cluster/node-state.js";
import type { Scope } from "../consistency/scope.js";
import { BusyError, ClosedError, NoPrimaryError } from "../errors.js";
import { bulkheadRefuse, bulkheadWait } from "../events.js";
import type { PrimaryReason, RouteRequest } from "../types.js";
import { NodeCheckout } from "./checkout.js";
import type { FairSemaphore } from "./fair-semaphore.js";
import { awaitReplica } from "./replica-catch-up.js";
import type { RouterState } from "./router-state.js";

/** Maximum pause of a read for a sample; see `#shouldPause`. A scope pauses at most once per sample. */
const SAMPLE_PAUSE_MS = 20;

/** Decides which node serves a statement. Sends nothing to a server. */
export class Dispatcher {
  isClosed = false;
  readonly #router: RouterState;

  constructor(router: RouterState) {
    this.#router = router;
  }

  checkout(request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    const { name, scopes } = this.#router;
    if (this.isClosed) throw new ClosedError(name);
    const tenantId = tenancy.current()?.tenantId;
    const checkout = new NodeCheckout(this.#router, scopes.current(), { intent: request.intent, tenantId });
    return request.intent === "read" ? this.#admit(checkout, request) : this.#admitWrite(checkout, request);
  }

  /** A write is under way from now on, also while it queues, until its checkout is released or fails. */
  #admitWrite(checkout: NodeCheckout, request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    const { scope } = checkout;
    scope.beginWrite();
    const fail = (error: unknown): never => {
      scope.endWrite();
      throw error;
    };
    try {
      const admitted = this.#admit(checkout, request);
      return admitted instanceof NodeCheckout ? admitted : admitted.catch(fail);
    } catch (error) {
      return fail(error);
    }
  }

  #admit(checkout: NodeCheckout, request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    const { bulkhead, maxConcurrencyOf } = this.#router;
    const { tenantId } = checkout;
    if (bulkhead === undefined) return this.#dispatch(checkout, request);
    // Work without a tenant has no limit of its own, only the total.
    if (!bulkhead.tryAcquire(checkout.permitKey, tenantId === undefined ? Infinity : maxConcurrencyOf(tenantId))) {
      return this.#waitForPermit(bulkhead, checkout).then(() => {
        checkout.holdsTenantPermit = true;
        return this.#dispatch(checkout, request);
      });
    }
    checkout.holdsTenantPermit = true;
    return this.#dispatch(checkout, request);
  }

  /** Releases the permits when no node can be assigned. */
  #dispatch(checkout: NodeCheckout, request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    try {
      const assigned = this.#route(checkout, request);
      if (assigned instanceof NodeCheckout) return assigned;
      return assigned.catch((error: unknown) => releaseAndThrow(checkout, error));
    } catch (error) {
      return releaseAndThrow(checkout, error);
    }
  }

  #route(checkout: NodeCheckout, request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    const { name, registry, waitMs } = this.#router;
    if (this.isClosed) throw new ClosedError(name);
    if (request.intent === "write" || request.reason !== undefined) {
      return this.#assignPrimary(checkout, request, request.reason ?? "write");
    }
    const { scope } = checkout;
    if (scope.pin === "primary") return this.#assignPrimary(checkout, request, "pinned");
    if (scope.pin === undefined && scope.consistency === "strong") {
      return this.#assignPrimary(checkout, request, "strong");
    }
    const replica = this.#selectReplica(scope, request);
    if (replica !== undefined) return assignReplica(checkout, replica);
    const hasReplica = registry.nodes.some((node) => canServe(node, request));
    if (!hasReplica) return this.#primaryAsFallback(checkout, request);
    const ms = this.#shouldPause(scope, request) ? Math.max(waitMs, SAMPLE_PAUSE_MS) : waitMs;
    if (ms === 0) return this.#primaryForDemand(checkout, request);
    const attempt = (): NodeState | undefined => this.#selectReplica(scope, request);
    return awaitReplica(this.#router, scope, { attempt, ms }).then((node) =>
      node === undefined ? this.#primaryForDemand(checkout, request) : assignReplica(checkout, node),
    );
  }

  /**
   * True when one read of the scope should pause for the next sample: a session that reads from the primary in a loop
   * would otherwise never leave it. False while the replicas lag, because the pause would not help.
   */
  #shouldPause(scope: Scope, request: RouteRequest): boolean {
    const { registry } = this.#router;
    if (!scope.isStuckOnPrimary(registry)) return false;
    return registry.nodes.some((node) => canServe(node, request) && node.lsn >= registry.sampleLsn);
  }

  #selectReplica(scope: Scope, request: RouteRequest): NodeState | undefined {
    const { registry, selectReplica } = this.#router;
    const { stickyReplica } = scope;
    if (scope.consistency === "eventual") {
      if (scope.pin === "replica" && stickyReplica !== undefined && canServe(stickyReplica, request)) {
        return stickyReplica;
      }
      return selectReplica(registry.nodes, (node) => canServe(node, request));
    }
    if (!scope.resolvePosition(registry)) return undefined;
    // A session stays on one replica while it may, so that it does not go back in time.
    if (
      stickyReplica !== undefined &&
      canServe(stickyReplica, request) &&
      scope.isSatisfiedBy(stickyReplica, registry)
    ) {
      return stickyReplica;
    }
    return selectReplica(registry.nodes, (node) => canServe(node, request) && scope.isSatisfiedBy(node, registry));
  }

  /** No replica is eligible: the primary serves the read, within its limit. */
  #primaryAsFallback(checkout: NodeCheckout, request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    const { registry } = this.#router;
    // Without replicas in the configuration the primary is meant to serve all reads.
    if (registry.nodes.length < 2) return this.#assignPrimary(checkout, request, "no-healthy-replica");
    return this.#primaryWithPermit(checkout, request, { reason: "no-healthy-replica", limit: Infinity });
  }

  /** No replica has what the scope demands. A client can repeat the demands of its token, so the primary serves them within a limit. */
  #primaryForDemand(checkout: NodeCheckout, request: RouteRequest): NodeCheckout | Promise<NodeCheckout> {
    const reason = "recent-write";
    if (!checkout.scope.isByToken) return this.#assignPrimary(checkout, request, reason);
    const limit = checkout.tenantId === undefined ? Infinity : this.#router.tokenReadsPerTenant;
    return this.#primaryWithPermit(checkout, request, { reason, limit });
  }

  #primaryWithPermit(
    checkout: NodeCheckout,
    request: RouteRequest,
    { reason, limit }: { readonly reason: PrimaryReason; readonly limit: number },
  ): NodeCheckout | Promise<NodeCheckout> {
    const { primaryReads } = this.#router;
    const assign = (): NodeCheckout | Promise<NodeCheckout> => {
      checkout.holdsPrimaryPermit = true;
      return this.#assignPrimary(checkout, request, reason);
    };
    return primaryReads.tryAcquire(checkout.permitKey, limit)
      ? assign()
      : this.#waitForPermit(primaryReads, checkout).then(assign);
  }

  #assignPrimary(
    checkout: NodeCheckout,
    request: RouteRequest,
    reason: PrimaryReason,
  ): NodeCheckout | Promise<NodeCheckout> {
    const { name, registry, changes, failoverWaitMs: ms } = this.#router;
    const attempt = (): NodeCheckout | undefined => {
      const { writer } = registry;
      if (writer === undefined || isExcluded(writer, request)) return undefined;
      return checkout.assign(writer, writer.primaryRoute(reason));
    };
    const assigned = attempt();
    if (assigned !== undefined) return assigned;
    if (ms === 0) return this.#assignSilent(checkout, request, reason);
    return changes.until({ ms, attempt }).then((later) => {
      if (later === undefined) throw new NoPrimaryError(name, { cause: registry.writerError });
      return later;
    });
  }

  /**
   * Without a primary, and without a time to wait for one, a statement is sent to a silent last writer: it may only be slow,
   * and there is no alternative to waiting for it. One that has refused connections receives nothing.
   */
  #assignSilent(checkout: NodeCheckout, { except }: RouteRequest, reason: PrimaryReason): NodeCheckout {
    const { name, registry } = this.#router;
    const { silentWriter: node } = registry;
    if (node === undefined || except?.has(node.name) === true) {
      throw new NoPrimaryError(name, { cause: registry.writerError });
    }
    return checkout.assign(node, node.primaryRoute(reason));
  }

  async #waitForPermit(semaphore: FairSemaphore, { permitKey, tenantId }: NodeCheckout): Promise<void> {
    const about = { tenantId, router: this.#router.name, what: semaphore.what };
    bulkheadWait.publish(() => about);
    try {
      await semaphore.acquire(permitKey);
    } catch (error) {
      if (error instanceof BusyError) bulkheadRefuse.publish(() => ({ ...about, reason: error.reason }));
      throw error;
    }
  }
}

const canServe = (node: NodeState, { except }: RouteRequest): boolean =>
  node.isServingReads && (except === undefined || !except.has(node.name));

/** A write that found no connection may try the same node again once a poll has succeeded there. */
function isExcluded(writer: NodeState, { except, intent }: RouteRequest): boolean {
  return except?.has(writer.name) === true && (intent === "read" || writer.ineligibleReason !== undefined);
}

function assignReplica(checkout: NodeCheckout, node: NodeState): NodeCheckout {
  return checkout.assign(node, checkout.scope.pin === "replica" ? node.pinnedRoute : node.readRoute);
}

function releaseAndThrow(checkout: NodeCheckout, error: unknown): never {
  checkout.releasePermits();
  throw error;
}
