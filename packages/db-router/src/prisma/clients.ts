import type { RouterExtension } from "./extension.js";

/** A client that `withRouter` has extended. */
export interface RoutedPrisma {
  $primary: RouterExtension["client"]["$primary"];
  $replica: RouterExtension["client"]["$replica"];
}

export interface PrismaClients<Client> {
  /** Reads where the router says. */
  readonly prisma: Client;
  /** Reads on a replica, as long as one may serve them. */
  readonly prismaRead: Client;
  /** Everything on the primary. */
  readonly prismaWrite: Client;
  /** The client for what is to be done; without it, the one that leaves it to the router. */
  getPrismaClient(intent?: "read" | "write"): Client;
}

/** The clients of an application that tells reads from writes itself. They share one set of connections. */
export function prismaClients<Client extends RoutedPrisma>(prisma: Client): PrismaClients<Client> {
  const prismaRead = prisma.$replica();
  const prismaWrite = prisma.$primary();
  const clients = { read: prismaRead, write: prismaWrite };
  return {
    prisma,
    prismaRead,
    prismaWrite,
    getPrismaClient: (intent) => (intent === undefined ? prisma : clients[intent]),
  };
}
