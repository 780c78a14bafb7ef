import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { PrismaPg } from "@prisma/adapter-pg";
import type { PrismaClient } from "../src/prisma/index.js";

export interface Entry {
  readonly id: bigint;
  readonly createdAt: Date;
}

/** A query as the `sql` template of the generated client makes it. */
export interface PrismaSql {
  readonly text: string;
  readonly values: unknown[];
}

/** What the tests use of the client that Prisma generates for `schema`. */
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

const schema = `
generator client {
  provider = "prisma-client"
  output   = "./client"
}
datasource db {
  provider = "postgresql"
}
model Entry {
  id        BigInt   @id
  tenantId  String   @map("tenant_id")
  createdAt DateTime @map("created_at") @db.Timestamptz(6)
  @@map("entries")
}
`;

const entry = `
import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "./client/client.ts";
export const connect = (pool) => ({ db: new PrismaClient({ adapter: new PrismaPg(pool) }), sql: Prisma.sql });
`;

const installed = createRequire(import.meta.url);
const modules = join(dirname(installed.resolve("@scale/pagination/package.json")), "node_modules");

/** Generates a client, which takes a second, and connects it to a database that has the table `entries`. */
export async function connectPrisma(connectionString: string): Promise<ConnectedPrisma> {
  const folder = await mkdtemp(join(tmpdir(), "scale-prisma-"));
  try {
    await Promise.all([
      writeFile(join(folder, "schema.prisma"), schema),
      writeFile(join(folder, "entry.ts"), entry),
      // Where the generated client finds Prisma's own modules.
      symlink(modules, join(folder, "node_modules")),
    ]);
    await generate(folder);
    const { build } = installed("esbuild") as typeof import("esbuild");
    const outfile = join(folder, "client.mjs");
    await build({ entryPoints: [join(folder, "entry.ts")], outfile, bundle: true, ...target });
    const { connect } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
      connect: (pool: ConstructorParameters<typeof PrismaPg>[0]) => ConnectedPrisma;
    };
    return connect({ connectionString, max: 4 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const target = {
  format: "esm",
  platform: "node",
  target: "node20.19",
  logLevel: "silent",
  // Packages in the bundle that were written for `require`.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
} as const;

/** A generator needs no schema engine, and Prisma wants to fetch one: any program that exists will do. */
async function generate(folder: string): Promise<void> {
  const cli = installed.resolve("prisma/build/index.js");
  await promisify(execFile)(process.execPath, [cli, "generate", "--schema", join(folder, "schema.prisma")], {
    cwd: folder,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
  });
}
