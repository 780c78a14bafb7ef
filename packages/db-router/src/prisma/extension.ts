import { tenancy } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Pinning } from "../pg/pins.js";
import { Turns } from "./turns.js";

/** What the extension uses of a router. */
export interface PrismaRouting extends Pinning {
  /** What stands for the session that the caller is in; `undefined` outside of any. */
  scope(): object | undefined;
}

export interface WithRouterOptions {
  /**
   * Reads all parts of an operation with `include` or a nested `select` from one node, also outside of any scope of the
   * router; inside of one it is so anyway. Prisma calls a hook for every operation then, which costs.
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

/** For `prisma.$extends()`. */
export interface RouterExtension {
  readonly name: string;
  readonly client: {
    /** The same client, with all its reads on the primary. Inside of a transaction, the transaction's own. */
    $primary<Client>(this: Client): Client;
    /** The same client, with its reads on one replica, as long as one may serve them. */
    $replica<Client>(this: Client): Client;
  };
  readonly query: { readonly $allModels: Readonly<Record<string, Hook>> };
}

const schema = z.strictObject({ pinIncludes: z.boolean().default(false) });

/**
 * Adds `$primary()` and `$replica()` to a client of Prisma on `routedPool(router)`, and keeps single rows that several
 * requests ask for at the same time apart. Needed with Prisma: without it, a `findUnique` may be run as that of another
 * request, of another tenant too. Apply it after all other extensions: where one applied later waits for something, they
 * are no longer kept apart. Ask for single rows through an extended client only.
 */
export function withRouter(router: PrismaRouting, options: WithRouterOptions = {}): RouterExtension {
  const { pinIncludes } = parseOptions(schema, options, "withRouter");
  const apart = keepApart(router);
  return {
    name: "scale-db-router",
    client: { $primary: pinner("primary", router, apart), $replica: pinner("replica", router, apart) },
    query: {
      $allModels: {
        findUnique: apart,
        findUniqueOrThrow: apart,
        ...(pinIncludes
          ? { findMany: oneNode(router), findFirst: oneNode(router), findFirstOrThrow: oneNode(router) }
          : {}),
      },
    },
  };
}

type Pin = <Client>(this: Client) => Client;

/** The extended clients are made once for each client, since Prisma compiles them. */
function pinner(to: "primary" | "replica", router: PrismaRouting, apart: Hook): Pin {
  const made = new WeakMap<object, object>();
  const hook: Hook = (asked) =>
    router[to](() => (asked.operation.startsWith("findUnique") ? apart(asked) : awaited(asked)));
  return function pin<Client>(this: Client): Client {
    if (!isExtendable(this)) return this; // Inside of a transaction.
    const known = made.get(this);
    if (known !== undefined) return known as Client;
    const client = this.$extends({ name: `scale-db-router-${to}`, query: { $allOperations: hook } });
    made.set(this, client);
    return client as Client;
  };
}

interface Extendable {
  $extends(extension: object): object;
}

function isExtendable(client: unknown): client is Extendable {
  return typeof client === "object" && client !== null && "$extends" in client && typeof client.$extends === "function";
}

// One for all clients: those that extend one client share what collects.
const turns = new Turns();

function keepApart(router: PrismaRouting): Hook {
  return async (asked) => {
    const wait = turns.enter({ scope: router.scope(), tenantId: tenancy.current()?.tenantId });
    if (wait !== undefined) await wait;
    return awaited(asked);
  };
}

function oneNode(router: PrismaRouting): Hook {
  return (asked) => (hasRelations(asked.args) ? router.replica(() => awaited(asked)) : awaited(asked));
}

/** What Prisma returns does nothing before it is awaited, and then in the context of whoever awaits it: here. */
async function awaited({ args, query }: PrismaOperation): Promise<unknown> {
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
