import { generatePrismaClient } from "@scale/testkit";
import type { Pool } from "pg";

interface Contact {
  readonly id: number;
  readonly tenantId: string;
  readonly name: string;
}

interface ById {
  readonly where: { readonly id: number };
}

/** The part of the client generated for `models` that the tests use. */
export interface ContactsTransaction {
  readonly contact: {
    count(): Promise<number>;
    findMany(query?: { include?: { notes: true }; take?: number }): Promise<(Contact & { notes?: unknown[] })[]>;
    findUnique(query: ById): Promise<Contact | null>;
    findUniqueOrThrow(query: ById): Promise<Contact>;
    create(query: { data: object }): Promise<Contact>;
    update(query: ById & { data: object }): Promise<Contact>;
    upsert(query: ById & { create: object; update: object }): Promise<Contact>;
    deleteMany(query: { where: object }): Promise<unknown>;
  };
  $queryRawUnsafe(text: string): Promise<unknown>;
  $executeRawUnsafe(text: string): Promise<number>;
}

export interface ContactsClient extends ContactsTransaction {
  $transaction<T>(work: (tx: ContactsTransaction) => Promise<T>): Promise<T>;
  $transaction(work: readonly Promise<unknown>[]): Promise<unknown[]>;
  $extends<Extension extends { client?: object; query?: object }>(extension: Extension): this & Extension["client"];
  $disconnect(): Promise<void>;
}

const models = `
model Contact {
  id       Int    @id @default(autoincrement())
  tenantId String @map("tenant_id")
  name     String
  notes    Note[]
  @@map("contacts")
}
model Note {
  id        Int     @id @default(autoincrement())
  contactId Int     @map("contact_id")
  contact   Contact @relation(fields: [contactId], references: [id])
  body      String
  @@map("notes")
}
`;

/** Prisma clients for the tables of `startContacts`, over a pool. */
export async function prismaFor(): Promise<(pool: Pool) => ContactsClient> {
  const prisma = await generatePrismaClient<ContactsClient>({
    from: import.meta.url,
    package: "@scale/db-router",
    models,
  });
  return prisma.connect;
}
