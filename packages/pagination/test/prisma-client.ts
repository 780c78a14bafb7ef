import { generatePrismaClient, type PrismaSql } from "@scale/testkit";
import type { PrismaClient } from "../src/prisma/index.js";

export interface Entry {
  readonly id: bigint;
  readonly createdAt: Date;
}

/** The part of the client generated for `models` that the tests use. */
export interface EntriesClient extends PrismaClient {
  readonly entry: {
    findMany(query: { where: { id: { in: bigint[] } } }): Promise<Entry[]>;
  };
  $disconnect(): Promise<void>;
}

export interface ConnectedPrisma {
  readonly db: EntriesClient;
  sql(strings: TemplateStringsArray, ...values: readonly unknown[]): PrismaSql;
}

const models = `
model Entry {
  id        BigInt   @id
  tenantId  String   @map("tenant_id")
  createdAt DateTime @map("created_at") @db.Timestamptz(6)
  @@map("entries")
}
`;

/** Connects a Prisma client to a database that has the table `entries`. */
export async function connectPrisma(connectionString: string): Promise<ConnectedPrisma> {
  const { connect, sql } = await generatePrismaClient<EntriesClient>({
    from: import.meta.url,
    package: "@scale/pagination",
    models,
  });
  return { db: connect({ connectionString, max: 4 }), sql };
}
