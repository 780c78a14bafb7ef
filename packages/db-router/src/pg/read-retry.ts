import type { PoolClient } from "pg";
import { failureOf, isPoolFull, wasSent } from "../postgres/failure.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { Checkout, Route, RouteRequest, Routing } from "../types.js";
import type { Activity } from "./activity.js";
import { attemptRead, type ReadAttempt } from "./attempt.js";
import { abortable, checkoutOrThrow, withoutConnection } from "./connect.js";
import type { NodeUses } from "./node-uses.js";
import type { StatementKinds } from "./statement-kinds.js";
import { isPrepared, type Statement } from "./statement.js";

/** Maximum number of nodes that may fail one read before its caller receives the error. */
const MAX_FAILURES = 3;
const READ: RouteRequest = { intent: "read" };
const REFUSED: RouteRequest = { intent: "write", reason: "read-only-refused" };
const SUCCEEDED = { wrote: false } as const;

export interface ReadContext {
  readonly routing: Routing;
  readonly uses: NodeUses;
  readonly activity: Activity;
  readonly kinds: StatementKinds;
  /** Receives each connection that the read is sent to. */
  readonly onSend?: ((client: PoolClient) => void) | undefined;
}

/**
 * Runs a read where the router says, and retries it on another node when the node, and not the statement, is at fault.
 * A "call" may write on the primary. It runs read-only there the first time, which shows whether it does. Without that it
 * counts as a write, and is never sent to a second primary.
 */
export function runRead(statement: Statement, kind: StatementKind, context: ReadContext): Promise<unknown> {
  return new RoutedRead(statement, kind, context).run();
}

/** A class, because one is created for every read. */
class RoutedRead implements ReadAttempt {
  readonly statement: Statement;
  readonly uses: NodeUses;
  readonly onSend: ReadContext["onSend"];
  moved: Checkout | undefined;
  isReadOnly = false;
  readonly #activity: Activity;
  readonly #kinds: StatementKinds;
  readonly #kind: StatementKind;
  readonly #routing: Routing;
  #request = READ;
  #tried: Set<string> | undefined;
  /** Error that made another attempt necessary. */
  #first: unknown;
  /** True when a primary received the statement and its reply was lost. */
  #mayBeDone = false;

  constructor(statement: Statement, kind: StatementKind, { routing, uses, activity, kinds, onSend }: ReadContext) {
    this.statement = statement;
    this.uses = uses;
    this.onSend = onSend;
    this.#activity = activity;
    this.#kinds = kinds;
    this.#kind = kind;
    this.#routing = routing;
  }

  async run(): Promise<unknown> {
    this.#activity.begin();
    try {
      for (;;) {
        const pending = this.#checkout();
        // The usual checkout is immediate; awaiting it anyway would cost a turn.
        const checkout = pending instanceof Promise ? await abortable(pending, this.statement.signal) : pending;
        const wrote = this.#begin(checkout);
        try {
          const result = await attemptRead(checkout, this);
          this.#end(checkout, wrote);
          return result;
        } catch (error) {
          this.#endFailed(error, checkout, wrote);
        }
      }
    } finally {
      this.#activity.end();
    }
  }

  /** @returns whether the attempt counts as a write */
  #begin(checkout: Checkout): boolean {
    if (this.#isSecondExecution(checkout)) {
      checkout.release(SUCCEEDED);
      throw withCallerStack(this.#first);
    }
    const isDoubtful = this.#kind === "call" && this.#request.intent === "read";
    this.isReadOnly = isDoubtful && checkout.route.to === "primary" && this.#kinds.canVerify(this.statement.text);
    return this.mayWriteOn(checkout);
  }

  #end(checkout: Checkout, wrote: boolean): void {
    checkout.release(wrote ? { wrote } : SUCCEEDED);
    const { text } = this.statement;
    if (wrote && hasCode(this.#first, "25006")) this.#kinds.learnWrite(text);
    else if (!wrote && this.#kind === "call" && this.#request.intent === "read") this.#kinds.learnRead(text);
  }

  /** Prepares the next attempt, or throws the error that the caller receives. */
  #endFailed(error: unknown, checkout: Checkout, wrote: boolean): void {
    if (this.isReadOnly && hasCode(error, "25006")) {
      checkout.release(SUCCEEDED);
      this.#first ??= error;
      this.#request = REFUSED;
      return;
    }
    checkout.release({ error, wrote });
    if (this.statement.signal?.aborted === true) throw error;
    if (!this.#prepareRetry(error, checkout)) throw withCallerStack(withoutConnection(error, checkout));
  }

  mayWriteOn({ route }: Checkout): boolean {
    if (this.#request.intent === "write") return true;
    return this.#kind === "call" && route.to === "primary" && !this.isReadOnly;
  }

  async findOther({ route }: Checkout): Promise<Checkout | undefined> {
    // A statement that may write is not sent twice while the first execution may still end.
    if (this.#request.intent === "write") return undefined;
    const except = new Set([...(this.#tried ?? []), route.node]);
    try {
      const other = await this.#routing.checkout({ intent: "read", except });
      if (this.#kind !== "call" || route.to !== "primary" || other.route.to !== "primary") return other;
      other.release(SUCCEEDED);
    } catch {
      // There is no other node: the read goes on waiting.
    }
    return undefined;
  }

  #checkout(): Checkout | Promise<Checkout> {
    const { moved } = this;
    this.moved = undefined;
    if (moved !== undefined) return moved;
    // Only the primary can answer what a replica refused or lacks. Without one, that is the error, and not the replica's.
    if (this.#first === undefined || this.#request.reason !== undefined) return this.#routing.checkout(this.#request);
    return checkoutOrThrow(this.#first, this.#routing, this.#request);
  }

  #isSecondExecution({ route }: Checkout): boolean {
    return this.#mayBeDone && route.to === "primary" && (this.#kind === "call" || this.#request.intent === "write");
  }

  /** @returns false when the caller receives the error */
  #prepareRetry(error: unknown, checkout: Checkout): boolean {
    const { route } = checkout;
    this.#first ??= withoutConnection(error, checkout);
    this.#mayBeDone ||= route.to === "primary" && wasSent(error);
    this.#tried ??= new Set();
    const isLast = this.#request.intent === "write" || this.#tried.has(route.node);
    this.#tried.add(route.node);
    if (this.moved !== undefined) return true;
    const next = isLast ? undefined : this.#nextRequest(error, route, this.#tried);
    if (next === undefined) return false;
    this.#request = next;
    return true;
  }

  #nextRequest(error: unknown, route: Route, tried: ReadonlySet<string>): RouteRequest | undefined {
    // An outdated plan of the session, and no refusal: the statement is still a read.
    if (isPrepared(this.statement) && hasCode(error, "0A000")) return { intent: "read", except: tried };
    return nextRequest(error, route, tried);
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === code;

/**
 * The request of the next attempt, or `undefined` when no other node would do better.
 * @internal exported for its test
 */
export function nextRequest(error: unknown, route: Route, tried: ReadonlySet<string>): RouteRequest | undefined {
  // A full pool says nothing about its server, but the pool of another node may be free.
  const failure = isPoolFull(error) ? "connection" : failureOf(error, route.to === "replica");
  // The standby has not run it, so this is no second execution. A statement that a standby refuses may write.
  if (failure === "refused") return REFUSED;
  // The primary has every table and right; a second replica may lack them too.
  if (failure === "behind") return { intent: "read", reason: "schema-behind" };
  if (failure === undefined || tried.size >= MAX_FAILURES) return undefined;
  if (failure === "conflict" && tried.size === MAX_FAILURES - 1) return { intent: "read", reason: "conflict" };
  return { intent: "read", except: tried };
}

/** The stack of a `pg` error ends at the socket. This one includes the caller of the query. */
function withCallerStack(error: unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error);
  return error;
}
