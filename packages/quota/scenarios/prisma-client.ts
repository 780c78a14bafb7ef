import { generatePrismaClient } from "@scale/testkit";
import type { PrismaExecutor } from "../src/rows/prisma.js";

/** The part of the client generated for `models` that the tests use. */
export interface ContactsClient extends ContactsTransaction {
  $transaction<T>(
    work: (tx: ContactsTransaction) => Promise<T>,
    options: { readonly maxWait: number; readonly timeout: number },
  ): Promise<T>;
  $disconnect(): Promise<void>;
}

export interface ContactsTransaction extends PrismaExecutor {
  readonly contact: {
    count(query: { where: { tenantId: string } }): Promise<number>;
    createMany(query: { data: readonly { tenantId: string }[] }): Promise<unknown>;
  };
}

const models = `
model Contact {
  id       Int    @id @default(autoincrement())
  tenantId String @map("tenant_id")
  @@map("contacts")
}
`;

/** Connects a Prisma client to a database that has the table `contacts`. */
export async function connectPrisma(connectionString: string, connections: number): Promise<ContactsClient> {
  const prisma = await generatePrismaClient<ContactsClient>({
    from: import.meta.url,
    package: "@scale/quota",
    models,
  });
  return prisma.connect({ connectionString, max: connections });
}
