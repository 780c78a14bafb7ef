import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Pool } from "pg";

interface Contact {
  readonly id: number;
  readonly tenantId: string;
  readonly name: string;
}

interface ById {
  readonly where: { readonly id: number };
}

/** What the tests use of what Prisma generates for `schema`. */
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

const schema = `
generator client {
  provider = "prisma-client"
  output   = "./client"
}
datasource db {
  provider = "postgresql"
}
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

// `pg` stays outside of the bundle: the adapter looks whether it was given one of its pools.
const entry = `
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./client/client.ts";
export const connect = (pool) => new PrismaClient({ adapter: new PrismaPg(pool) });
`;

type Connect = (pool: Pool) => ContactsClient;

const installed = createRequire(createRequire(import.meta.url).resolve("@scale/db-router/package.json"));

/** Generates a client, which takes a second, for the tables of `startContacts`. */
export async function prismaFor(): Promise<Connect> {
  const folder = await mkdtemp(join(tmpdir(), "scale-prisma-"));
  try {
    await Promise.all([
      writeFile(join(folder, "schema.prisma"), schema),
      writeFile(join(folder, "entry.ts"), entry),
      // Where the generated client finds Prisma's own modules.
      symlink(
        join(dirname(installed.resolve("@scale/db-router/package.json")), "node_modules"),
        join(folder, "node_modules"),
      ),
    ]);
    await generate(folder);
    const { build } = installed("esbuild") as typeof import("esbuild");
    const outfile = join(folder, "client.mjs");
    await build({ entryPoints: [join(folder, "entry.ts")], outfile, ...target });
    const { connect } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as { connect: Connect };
    return connect;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const target: import("esbuild").BuildOptions = {
  bundle: true,
  external: ["pg"],
  format: "esm",
  platform: "node",
  target: "node20.19",
  logLevel: "silent",
  // Packages in the bundle that were written for `require`.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
};

/** A generator needs no schema engine, and Prisma wants to fetch one: any program that exists will do. */
async function generate(folder: string): Promise<void> {
  const cli = installed.resolve("prisma/build/index.js");
  await promisify(execFile)(process.execPath, [cli, "generate", "--schema", join(folder, "schema.prisma")], {
    cwd: folder,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
  });
}
