import { channel } from "node:diagnostics_channel";
import type { NodeState } from "../cluster/node-state.js";
import { abandonTrial, startTrial } from "../cluster/outlier-ejection.js";
import type { Scope } from "../consistency/scope.js";
import { routeChoose, statementEnd } from "../events.js";
import { failureOf, isPoolFull } from "../postgres/failure.js";
import type { Checkout, PoolLike, Route, RouteRequest } from "../types.js";
import type { RouterState } from "./router-state.js";

// Checked directly: calling `publish` would create a closure for every checkout, with no subscriber to use it.
const subscribers = channel(routeChoose.name);
const endSubscribers = channel(statementEnd.name);

/** A checkout that is being dispatched, and then held. A class, because one is created for every statement. */
export class NodeCheckout implements Checkout {
  readonly scope: Scope;
  readonly intent: RouteRequest["intent"];
  readonly tenantId: string | undefined;
  /** Permits of the two semaphores, released with the checkout. */
  holdsTenantPermit = false;
  holdsPrimaryPermit = false;
  route: Route;
  readonly #router: RouterState;
  #node: NodeState;
  #isReleased = false;
  /** Monotonic milliseconds; `undefined` while no subscriber wants the duration. */
  #startedAt: number | undefined = undefined;

  constructor(
    router: RouterState,
    scope: Scope,
    { intent, tenantId }: { intent: RouteRequest["intent"]; tenantId: string | undefined },
  ) {
    this.#router = router;
    this.scope = scope;
    this.intent = intent;
    this.tenantId = tenantId;
    this.#node = router.registry.nodes[0] as NodeState;
    this.route = this.#node.readRoute;
  }

  get pool(): PoolLike {
    return this.#node.dbNode.pool;
  }

  /** Key of the tenant in the semaphores. */
  get permitKey(): string {
    return this.tenantId ?? "";
  }

  assign(node: NodeState, route: Route): this {
    const { routeCounts, registry, name } = this.#router;
    this.#node = node;
    this.route = route;
    node.inFlight += 1;
    node.served += 1;
    routeCounts[route.to === "replica" ? "read" : route.reason] += 1;
    if (route.to === "replica") {
      this.scope.stickTo(node, registry.tick);
      if (node.health.state === "half-open") {
        node.health = startTrial(node.health);
        node.isServingReads = false;
      }
    }
    if (endSubscribers.hasSubscribers) this.#startedAt = registry.options.clock.monotonic();
    if (subscribers.hasSubscribers) routeChoose.publish(() => ({ tenantId: this.tenantId, router: name, ...route }));
    return this;
  }

  release({ error, wrote }: { readonly error?: unknown; readonly wrote: boolean }): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const node = this.#node;
    node.inFlight -= 1;
    // A failed write may have been committed before its reply was lost.
    if (wrote || (error !== undefined && this.intent === "write")) this.noteCommit();
    if (this.intent === "write") this.scope.endWrite();
    if (error === undefined) this.#recordSuccess(node);
    else this.#recordFailure(node, error);
    this.releasePermits();
    if (this.#startedAt !== undefined) this.#publishEnd(this.#startedAt, error !== undefined);
  }

  #publishEnd(startedAt: number, isFailed: boolean): void {
    const { name, registry } = this.#router;
    const { node, to } = this.route;
    const durationMs = registry.options.clock.monotonic() - startedAt;
    statementEnd.publish(() => ({ tenantId: this.tenantId, router: name, node, to, durationMs, isFailed }));
  }

  noteCommit(): void {
    const { registry, scopes, sharedScope } = this.#router;
    const { scope } = this;
    const current = scopes.current();
    scope.recordWrite(registry.tick);
    if (current !== scope) current.recordWrite(registry.tick);
    if (scope !== sharedScope && current !== sharedScope) sharedScope.recordWrite(registry.tick);
  }

  noteRead(): void {
    const { scopes } = this.#router;
    const current = scopes.current();
    this.#recordRead(this.scope);
    if (current !== this.scope) this.#recordRead(current);
  }

  isCurrent(): boolean {
    const { registry, scopes } = this.#router;
    const scope = scopes.current();
    return scope.consistency === "eventual" || scope.isSatisfiedBy(this.#node, registry);
  }

  #recordRead(scope: Scope): void {
    const { registry } = this.#router;
    if (this.route.to === "replica") scope.recordReplicaRead(this.#node, registry.tick);
    else scope.recordPrimaryRead(registry.tick);
  }

  releasePermits(): void {
    const { bulkhead, primaryReads } = this.#router;
    if (this.holdsPrimaryPermit) primaryReads.release(this.permitKey);
    if (this.holdsTenantPermit) bulkhead?.release(this.permitKey);
    this.holdsPrimaryPermit = this.holdsTenantPermit = false;
  }

  #recordSuccess(node: NodeState): void {
    this.#router.registry.recordSuccess(node);
    this.#recordRead(this.scope);
  }

  #recordFailure(node: NodeState, error: unknown): void {
    const { registry, poller } = this.#router;
    const isReplica = this.route.to === "replica";
    node.errors += 1;
    if (failureOf(error, isReplica) === "connection") {
      registry.recordFailure(node);
      // Without its primary the router needs the state of all nodes, to elect another one.
      void (isReplica ? poller.poll(node) : poller.pollAll());
      return;
    }
    // The primary has become read-only: another node may be the writer now.
    if (!isReplica && hasCode(error, "25006")) void poller.pollAll();
    // A statement's own error is a reply of the server. A full pool says nothing about the server.
    if (isPoolFull(error)) node.health = abandonTrial(node.health);
    else registry.recordSuccess(node);
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === code;
