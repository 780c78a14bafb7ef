import type { RouterExtension } from "./extension.js";

export interface PrismaClients<Client> {
  /** Client whose reads go where the router says. */
  readonly prisma: Client;
  /** Client whose reads go to a replica, while one may serve them. */
  readonly prismaRead: Client;
  /** Client whose statements all go to the primary. */
  readonly prismaWrite: Client;
  /** Returns the client for an intent; without one, the client that leaves the choice to the router. */
  getPrismaClient(intent?: "read" | "write"): Client;
}

/**
 * Creates the clients of an application that chooses between reads and writes itself. They share one set of
 * connections.
 * @param prisma a client extended by `withRouter`
 */
export function prismaClients<Client extends Pick<RouterExtension["client"], "$primary" | "$replica">>(
  prisma: Client,
): PrismaClients<Client> {
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
