import type { NodeRegistry } from "../cluster/node-registry.js";
import type { Poller } from "../cluster/poller.js";
import { type TokenRefusal, tokenRefuse } from "../events.js";
import type { Scope } from "./scope.js";
import type { Tokens } from "./token.js";

/** The writes of one scope, and a token that carries them to another request or process. */
export interface Session {
  /** True when the scope, or one inside it, has written, or a write or transaction of it is under way. */
  readonly hasWritten: boolean;
  /**
   * Returns a token for the scope's writes and its own token's position, or `undefined` when there are neither. Waits
   * for at most one sample of the primary, which concurrent callers share. Never rejects.
   */
  token(): Promise<string | undefined>;
  /**
   * Returns the token at once. If the position is still pending, or a write is under way, the token requires everything that
   * was committed before the reads of its scope began.
   */
  tokenNow(): string | undefined;
}

export interface SessionContext {
  readonly registry: NodeRegistry;
  readonly poller: Poller;
  readonly tokens: Tokens;
  /** True without `readYourWrites.secrets`: no other process can open the tokens of this one. */
  readonly hasOwnSecret: boolean;
}

/** @param tenantId tenant that the tokens are bound to */
export function createSession(
  { registry, poller, tokens }: SessionContext,
  scope: Scope,
  tenantId: string | undefined,
): Session {
  function tokenNow(): string | undefined {
    const isWriting = scope.writesUnderWay > 0;
    if (!scope.hasPosition && !isWriting) return undefined;
    // The position of a write that is under way will be higher than every one that is known.
    const isKnown = scope.resolvePosition(registry) && !isWriting;
    const { systemId = "0", timeline } = registry.topology;
    return tokens.issue({ systemId, timeline, lsn: isKnown ? scope.minLsn : 0 }, tenantId);
  }
  return {
    get hasWritten() {
      return scope.hasWritten || scope.writesUnderWay > 0;
    },
    tokenNow,
    async token() {
      const { writer } = registry;
      const needsSample = scope.hasPosition && scope.writesUnderWay === 0 && !scope.resolvePosition(registry);
      if (needsSample && writer !== undefined) await poller.poll(writer);
      return tokenNow();
    },
  };
}

export interface SentToken {
  readonly token: string;
  readonly tenantId: string | undefined;
  /** Treatment of a token that proves nothing. */
  readonly whenRefused: "primary" | "ignore";
}

/** Refusals of tokens that this cluster may not have issued, or not for this tenant, or too long ago. */
const UNPROVEN: ReadonlySet<TokenRefusal> = new Set(["malformed", "forged", "expired", "other-system"]);

/** Starts a scope at the position of a token. A token that cannot be used requires everything committed until now. */
export function applyToken(context: SessionContext, scope: Scope, { token, tenantId, whenRefused }: SentToken): void {
  const { registry, poller, tokens } = context;
  const refuse = (reason: TokenRefusal): void => {
    if (whenRefused === "primary" || !UNPROVEN.has(reason)) scope.requireLatest(registry.tick);
    tokenRefuse.publish(() => ({ tenantId, router: registry.options.name, reason }));
    if (reason === "forged" && context.hasOwnSecret) warnOwnSecret(registry.options.name);
  };
  const reading = tokens.read(token, tenantId);
  if (typeof reading === "string") return refuse(reading);
  const { systemId, timeline, lsn } = reading;
  const { topology } = registry;
  // Before the first poll the system is unknown, which is no reason to refuse the token.
  if (topology.systemId === undefined || lsn === 0) return scope.requireNextSample(registry.tick);
  if (systemId !== topology.systemId) return refuse("other-system");
  if (timeline < topology.timeline) return refuse("older-timeline");
  if (timeline > topology.timeline) {
    void poller.pollAll();
    return refuse("newer-timeline");
  }
  scope.requireLsn(lsn);
}

const warned = new Set<string>();

function warnOwnSecret(router: string): void {
  if (warned.has(router)) return;
  warned.add(router);
  process.emitWarning(
    `${router}: expected readYourWrites.secrets, the same in all processes, got none: a session token of another process is not accepted`,
    { code: "SCALE_DB_SECRETS" },
  );
}
