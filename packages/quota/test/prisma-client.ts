import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { PrismaPg } from "@prisma/adapter-pg";
import type { PrismaExecutor } from "../src/rows/prisma.js";

/** What the tests use of the client that Prisma generates for `schema`. */
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
  @@map("contacts")
}
`;

const entry = `
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./client/client.ts";
export const connect = (pool) => new PrismaClient({ adapter: new PrismaPg(pool) });
`;

type Connect = (pool: ConstructorParameters<typeof PrismaPg>[0]) => ContactsClient;

// Found from the package's own folder, so that this also works in a bundle of the proofs.
const installed = createRequire(createRequire(import.meta.url).resolve("@scale/quota/package.json"));

/** Generates a client, which takes a second, and connects it to a database that has the table `contacts`. */
export async function connectPrisma(connectionString: string, connections: number): Promise<ContactsClient> {
  const folder = await mkdtemp(join(tmpdir(), "scale-prisma-"));
  try {
    await Promise.all([
      writeFile(join(folder, "schema.prisma"), schema),
      writeFile(join(folder, "entry.ts"), entry),
      // Where the generated client finds Prisma's own modules.
      symlink(
        join(dirname(installed.resolve("@scale/quota/package.json")), "node_modules"),
        join(folder, "node_modules"),
      ),
    ]);
    await generate(folder);
    const { build } = installed("esbuild") as typeof import("esbuild");
    const outfile = join(folder, "client.mjs");
    await build({ entryPoints: [join(folder, "entry.ts")], outfile, bundle: true, ...target });
    const { connect } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as { connect: Connect };
    return connect({ connectionString, max: connections });
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
