import { tenancy } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Sessions } from "../consistency/sessions.js";
import { BatchTurns } from "./batch-turns.js";

/** The part of a router that the extension uses. */
type Scoping = Pick<Sessions, "primary" | "replica" | "scope">;

export interface WithRouterOptions {
  /**
   * True reads all parts of an operation with `include` or a nested `select` from one node, also outside of `run`;
   * inside it that holds anyway. Prisma then calls a hook for every operation, which costs time.
   * @default false
   */
  pinIncludes?: boolean;
}

/** One operation of a client, as Prisma passes it to an extension. */
export interface PrismaOperation {
  readonly operation: string;
  readonly args: unknown;
  query(args: unknown): PromiseLike<unknown>;
}

type Hook = (operation: PrismaOperation) => Promise<unknown>;

/** Argument for `prisma.$extends()`. */
export interface RouterExtension {
  readonly name: string;
  readonly client: {
    /** Returns the client with all statements on the primary. In a transaction it returns the transaction's client. */
    $primary<Client>(this: Client): Client;
    /** Returns the client with its reads on one replica, while one may serve them. */
    $replica<Client>(this: Client): Client;
  };
  readonly query: { readonly $allModels: Readonly<Record<string, Hook>> };
}

const schema = z.strictObject({ pinIncludes: z.boolean().default(false) });

/**
 * Creates the extension of a Prisma client on `routedPool(router)`. It adds `$primary()` and `$replica()`, and separates
 * the `findUnique` batches of different sessions and tenants. Prisma needs it: without it, a `findUnique` may run as
 * part of another request's batch, and on another tenant's shard.
 * Apply it last. Prisma runs the hooks of later extensions inside it, and one that awaits would break the batching it
 * controls. Call `findUnique` on an extended client only.
 */
export function withRouter(router: Scoping, options: WithRouterOptions = {}): RouterExtension {
  const { pinIncludes } = parseOptions(schema, options, "withRouter");
  const inTurn = serializeBatches(router);
  const pinned = onOneNode(router);
  return {
    name: "scale-db-router",
    client: { $primary: pinTo("primary", router, inTurn), $replica: pinTo("replica", router, inTurn) },
    query: {
      $allModels: {
        findUnique: inTurn,
        findUniqueOrThrow: inTurn,
        ...(pinIncludes ? { findMany: pinned, findFirst: pinned, findFirstOrThrow: pinned } : {}),
      },
    },
  };
}

/** Caches the extended clients by their base, because Prisma compiles each. */
function pinTo(to: "primary" | "replica", router: Scoping, inTurn: Hook): <Client>(this: Client) => Client {
  const extended = new WeakMap<object, object>();
  const hook: Hook = (operation) =>
    router[to](() => (operation.operation.startsWith("findUnique") ? inTurn(operation) : runOperation(operation)));
  return function pin<Client>(this: Client): Client {
    if (!isExtendable(this)) return this; // The client of a transaction.
    const known = extended.get(this);
    if (known !== undefined) return known as Client;
    const client = this.$extends({ name: `scale-db-router-${to}`, query: { $allOperations: hook } });
    extended.set(this, client);
    return client as Client;
  };
}

function isExtendable(client: unknown): client is { $extends(extension: object): object } {
  return typeof client === "object" && client !== null && "$extends" in client && typeof client.$extends === "function";
}

// One for all clients, because extensions of one client share its batches.
const turns = new BatchTurns();

function serializeBatches(router: Scoping): Hook {
  return async (operation) => {
    const turn = turns.enter({ scope: router.scope(), tenantId: tenancy.current()?.tenantId });
    if (turn !== undefined) await turn;
    return runOperation(operation);
  };
}

function onOneNode(router: Scoping): Hook {
  return (operation) =>
    hasRelations(operation.args) ? router.replica(() => runOperation(operation)) : runOperation(operation);
}

/** Awaits here: Prisma's promises are lazy and run in the asynchronous context that awaits them. */
async function runOperation({ args, query }: PrismaOperation): Promise<unknown> {
  return await query(args);
}

function hasRelations(args: unknown): boolean {
  if (typeof args !== "object" || args === null) return false;
  if ("include" in args && args.include !== undefined) return true;
  const select = "select" in args ? args.select : undefined;
  return (
    typeof select === "object" && select !== null && Object.values(select).some((field) => typeof field === "object")
  );
}
