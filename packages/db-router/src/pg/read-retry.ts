import { failureOf } from "../postgres/failure.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { Route, RouteRequest, Routing } from "../types.js";
import { attemptRead, checkoutOrThrow, type InFlightReads, wasSent } from "./attempt.js";
import { sendReadOnly, sendStatement } from "./read-only-attempt.js";
import type { Statement } from "./statement.js";
import type { StatementKinds } from "./statement-kinds.js";

/** Maximum number of nodes that may fail one read before its caller receives the error. */
const MAX_FAILURES = 3;
const READ: RouteRequest = { intent: "read" };
const REFUSED: RouteRequest = { intent: "write", reason: "read-only-refused" };
const SUCCEEDED = { wrote: false } as const;

export interface ReadContext {
  readonly routing: Routing;
  readonly inFlight: InFlightReads;
  readonly kinds: StatementKinds;
}

/**
 * Runs a read where the router says, and retries it on another node when the node, and not the statement, is at fault.
 * A "call" may write on the primary. It runs read-only there the first time, which shows whether it does. Without that it
 * counts as a write, and is never sent to a second primary.
 */
export async function runRead(
  statement: Statement,
  kind: StatementKind,
  { routing, inFlight, kinds }: ReadContext,
): Promise<unknown> {
  let request = READ;
  let tried: Set<string> | undefined;
  let first: unknown;
  // True when a primary received the statement and its reply was lost.
  let mayBeDone = false;
  for (;;) {
    const pending = first === undefined ? routing.checkout(request) : checkoutOrThrow(first, routing, request);
    // The usual checkout is immediate; awaiting it anyway would cost a turn.
    const checkout = pending instanceof Promise ? await pending : pending;
    const isPrimary = checkout.route.to === "primary";
    if (isPrimary && mayBeDone && (kind === "call" || request.intent === "write")) {
      checkout.release(SUCCEEDED);
      throw withCallerStack(first);
    }
    const isDoubtful = kind === "call" && request.intent === "read";
    const isReadOnly = isDoubtful && isPrimary && kinds.canVerify(statement.text);
    const wrote = request.intent === "write" || (isDoubtful && isPrimary && !isReadOnly);
    try {
      const result = await attemptRead(checkout, statement, inFlight, isReadOnly ? sendReadOnly : sendStatement);
      checkout.release(wrote ? { wrote } : SUCCEEDED);
      if (isDoubtful && !wrote) kinds.learnRead(statement.text);
      if (wrote && isReadOnlyRefusal(first)) kinds.learnWrite(statement.text);
      return result;
    } catch (error) {
      first ??= error;
      if (isReadOnly && isReadOnlyRefusal(error)) {
        checkout.release(SUCCEEDED);
        request = REFUSED;
        continue;
      }
      checkout.release({ error, wrote });
      mayBeDone ||= isPrimary && wasSent(error);
      tried ??= new Set();
      const isLast = request.intent === "write" || tried.has(checkout.route.node);
      tried.add(checkout.route.node);
      const next = isLast ? undefined : nextRequest(error, checkout.route, tried);
      if (next === undefined) throw withCallerStack(error);
      request = next;
    }
  }
}

/**
 * The request of the next attempt, or `undefined` when no other node would do better.
 * @internal exported for its test
 */
export function nextRequest(error: unknown, route: Route, tried: ReadonlySet<string>): RouteRequest | undefined {
  const failure = failureOf(error, route.to === "replica");
  // The standby has not run it, so this is no second execution. A statement that a standby refuses may write.
  if (failure === "refused") return REFUSED;
  if (failure === undefined || tried.size >= MAX_FAILURES) return undefined;
  if (failure === "conflict" && tried.size === MAX_FAILURES - 1) return { intent: "read", reason: "conflict" };
  return { intent: "read", except: tried };
}

/** True for the refusal of a statement that would write. */
const isReadOnlyRefusal = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "25006";

/** The stack of a `pg` error ends at the socket. This one includes the caller of the query. */
function withCallerStack(error: unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error);
  return error;
}
