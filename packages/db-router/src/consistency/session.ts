import { tokenRefuse, type TokenRefusal } from "../events.js";
import type { Fleet } from "../cluster/node-registry.js";
import type { Poller } from "../cluster/poller.js";
import type { Scope } from "./scope.js";
import type { Tokens } from "./token.js";

/** What one scope has written, for who carries it elsewhere. */
export interface Session {
  /** True when something was written in it, or in a scope that ran in it. */
  readonly hasWritten: boolean;
  /**
   * A token for what was written and what the token of the scope said; `undefined` when there is neither. Waits for at
   * most one sample of the primary, which all who ask share. Never rejects.
   */
  token(): Promise<string | undefined>;
  /**
   * The same at once: if the position is not known yet, a token that sends reads to the primary until a replica has all
   * that was committed before they began.
   */
  tokenNow(): string | undefined;
}

export interface SessionContext {
  readonly fleet: Fleet;
  readonly poller: Poller;
  readonly tokens: Tokens;
}

export function createSession({ fleet, poller, tokens }: SessionContext, scope: Scope): Session {
  function tokenNow(): string | undefined {
    if (!scope.hasPosition) return undefined;
    const isKnown = scope.settle(fleet);
    const { systemId = "0", timeline } = fleet.topology;
    return tokens.issue({ systemId, timeline, lsn: isKnown ? scope.floor : 0 });
  }
  return {
    get hasWritten() {
      return scope.hasWritten;
    },
    tokenNow,
    async token() {
      const { writer } = fleet;
      if (scope.hasPosition && !scope.settle(fleet) && writer !== undefined) await poller.poll(writer);
      return tokenNow();
    },
  };
}

/** Lets a scope begin where a token says. What the token cannot say, it begins after everything. */
export function applyToken(
  { fleet, poller, tokens }: SessionContext,
  scope: Scope,
  { token, tenantId }: { readonly token: string; readonly tenantId: string | undefined },
): void {
  const refuse = (reason: TokenRefusal): void => {
    scope.requireAll(fleet.tick);
    tokenRefuse.publish(() => ({ tenantId, router: fleet.options.name, reason }));
  };
  const reading = tokens.read(token);
  if ("refused" in reading) return refuse(reading.refused);
  const { systemId, timeline, lsn } = reading.position;
  const { topology } = fleet;
  // Not known before the first poll: that says nothing of the token.
  if (topology.systemId === undefined || lsn === 0) return scope.requireAll(fleet.tick);
  if (systemId !== topology.systemId) return refuse("other-system");
  if (timeline < topology.timeline) return refuse("older-timeline");
  if (timeline > topology.timeline) {
    void poller.round();
    return refuse("newer-timeline");
  }
  scope.require(lsn);
}
