import type { NodeRegistry } from "../cluster/node-registry.js";
import type { Poller } from "../cluster/poller.js";
import { type TokenRefusal, tokenRefuse } from "../events.js";
import type { Scope } from "./scope.js";
import type { Tokens } from "./token.js";

/** The writes of one scope, and a token that carries them to another request or process. */
export interface Session {
  /** True when the scope, or one inside it, has written. */
  readonly hasWritten: boolean;
  /**
   * Returns a token for the scope's writes and its own token's position, or `undefined` when there are neither. Waits
   * for at most one sample of the primary, which concurrent callers share. Never rejects.
   */
  token(): Promise<string | undefined>;
  /**
   * Returns the token at once. If the position is still pending, the token sends reads to the primary until a replica
   * has everything that was committed before those reads began.
   */
  tokenNow(): string | undefined;
}

export interface SessionContext {
  readonly registry: NodeRegistry;
  readonly poller: Poller;
  readonly tokens: Tokens;
}

export function createSession({ registry, poller, tokens }: SessionContext, scope: Scope): Session {
  function tokenNow(): string | undefined {
    if (!scope.hasPosition) return undefined;
    const isResolved = scope.resolvePosition(registry);
    const { systemId = "0", timeline } = registry.topology;
    return tokens.issue({ systemId, timeline, lsn: isResolved ? scope.minLsn : 0 });
  }
  return {
    get hasWritten() {
      return scope.hasWritten;
    },
    tokenNow,
    async token() {
      const { writer } = registry;
      if (scope.hasPosition && !scope.resolvePosition(registry) && writer !== undefined) await poller.poll(writer);
      return tokenNow();
    },
  };
}

/** Starts a scope at the position of a token. A token that cannot be used requires everything committed until now. */
export function applyToken(
  { registry, poller, tokens }: SessionContext,
  scope: Scope,
  { token, tenantId }: { readonly token: string; readonly tenantId: string | undefined },
): void {
  const refuse = (reason: TokenRefusal): void => {
    scope.requireLatest(registry.tick);
    tokenRefuse.publish(() => ({ tenantId, router: registry.options.name, reason }));
  };
  const reading = tokens.read(token);
  if (typeof reading === "string") return refuse(reading);
  const { systemId, timeline, lsn } = reading;
  const { topology } = registry;
  // Before the first poll the system is unknown, which is no reason to refuse the token.
  if (topology.systemId === undefined || lsn === 0) return scope.requireLatest(registry.tick);
  if (systemId !== topology.systemId) return refuse("other-system");
  if (timeline < topology.timeline) return refuse("older-timeline");
  if (timeline > topology.timeline) {
    void poller.pollAll();
    return refuse("newer-timeline");
  }
  scope.requireLsn(lsn);
}
