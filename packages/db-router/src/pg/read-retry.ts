import type { RouteRequest, Route, Routing } from "../types.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import { attempt, type Waiting, wasSent } from "./attempt.js";
import { seatOr } from "./connected.js";
import { failureOf } from "../postgres/failure.js";
import type { Statement } from "./statement.js";

/** Nodes that may fail to serve one read before its caller hears of it. */
const MAX_FAILURES = 3;
const READ: RouteRequest = { intent: "read" };
const WELL = { wrote: false } as const;

export interface Readers {
  readonly routing: Routing;
  readonly waiting: Waiting;
}

/**
 * Runs a read where the router says, and again elsewhere when the node, and not the statement, is at fault. On the
 * primary a "call" may write, so that it counts as a write there, and is never sent to a primary after one has had it.
 */
export async function read(statement: Statement, kind: StatementKind, { routing, waiting }: Readers): Promise<unknown> {
  let need = READ;
  let tried: Set<string> | undefined;
  let first: unknown;
  // A primary has had it, and its answer was lost.
  let mayBeDone = false;
  for (;;) {
    const asked = first === undefined ? routing.checkout(need) : seatOr(first, routing, need);
    // Mostly there is one at once, and no promise to wait for.
    const seat = asked instanceof Promise ? await asked : asked;
    const isPrimary = seat.route.to === "primary";
    if (isPrimary && mayBeDone && (kind === "call" || need.intent === "write")) {
      seat.release(WELL);
      throw traced(first);
    }
    const wrote = need.intent === "write" || (isPrimary && kind === "call");
    try {
      const result = await attempt(seat, statement, waiting);
      seat.release(wrote ? { wrote } : WELL);
      return result;
    } catch (error) {
      seat.release({ error, wrote });
      first ??= error;
      mayBeDone ||= isPrimary && wasSent(error);
      tried ??= new Set();
      const isLast = need.intent === "write" || tried.has(seat.route.node);
      tried.add(seat.route.node);
      const next = isLast ? undefined : nextNeed(error, seat.route, tried);
      if (next === undefined) throw traced(error);
      need = next;
    }
  }
}

/** What to ask for after a failure, or `undefined` when no other node would do better. */
export function nextNeed(error: unknown, route: Route, tried: ReadonlySet<string>): RouteRequest | undefined {
  const failure = failureOf(error, route.to === "replica");
  // The standby has done nothing, so that this is no second time; what it refuses may well write.
  if (failure === "refused") return { intent: "write", reason: "read-only-refused" };
  if (failure === undefined || tried.size >= MAX_FAILURES) return undefined;
  if (failure === "conflict" && tried.size === MAX_FAILURES - 1) return { intent: "read", reason: "conflict" };
  return { intent: "read", except: tried };
}

/** An error of `pg` leads to the socket that it came from; this way it leads to who asked as well. */
function traced(error: unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error);
  return error;
}
