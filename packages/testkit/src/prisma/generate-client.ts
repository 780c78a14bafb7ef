import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Pool, PoolConfig } from "pg";

export interface PrismaSchema {
  /** The caller's `import.meta.url`. */
  readonly from: string;
  /** The package that has Prisma among its dependencies, such as "@scale/quota". */
  readonly package: string;
  /** Model definitions in the Prisma schema language. */
  readonly models: string;
}

/** A query as the `sql` template of a generated client makes it. */
export interface PrismaSql {
  readonly text: string;
  readonly values: unknown[];
}

export interface GeneratedPrisma<Client> {
  /** Opens a client over a pool, or over a pool of its own with this configuration. */
  connect(pool: Pool | PoolConfig): Client;
  sql(strings: TemplateStringsArray, ...values: readonly unknown[]): PrismaSql;
}

const HEADER = `
generator client {
  provider = "prisma-client"
  output   = "./client"
}
datasource db {
  provider = "postgresql"
}
`;

const ENTRY = `
import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "./client/client.ts";
export const connect = (pool) => new PrismaClient({ adapter: new PrismaPg(pool) });
export const sql = Prisma.sql;
`;

/**
 * Generates the Prisma client of a schema and loads it.
 * The first call for a schema takes some seconds. The bundled client is then kept in the package's node_modules/.cache,
 * under a hash of the schema and of Prisma's version.
 * `Client` is the caller's own interface of what it uses, because the generated types exist only at run time.
 */
export async function generatePrismaClient<Client>(schema: PrismaSchema): Promise<GeneratedPrisma<Client>> {
  const owner = createRequire(createRequire(schema.from).resolve(`${schema.package}/package.json`));
  const cli = owner.resolve("prisma/build/index.js");
  const version = await readFile(owner.resolve("prisma/package.json"), "utf8");
  const key = createHash("sha256").update(HEADER).update(ENTRY).update(schema.models).update(version).digest("hex");
  const cache = join(dirname(owner.resolve(`${schema.package}/package.json`)), "node_modules/.cache/scale-prisma");
  const folder = join(cache, key.slice(0, 16));
  if (!existsSync(folder)) await generateInto(folder, { cache, cli, models: schema.models });
  return (await import(/* @vite-ignore */ pathToFileURL(join(folder, "client.mjs")).href)) as GeneratedPrisma<Client>;
}

/** Works in a folder beside the target and renames it at the end: another process may generate the same client. */
async function generateInto(folder: string, { cache, cli, models }: Generation): Promise<void> {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "work-"));
  try {
    await Promise.all([
      writeFile(join(work, "schema.prisma"), `${HEADER}${models}`),
      writeFile(join(work, "entry.ts"), ENTRY),
    ]);
    await promisify(execFile)(process.execPath, [cli, "generate", "--schema", join(work, "schema.prisma")], {
      cwd: work,
      // A generator needs no schema engine, and Prisma wants to fetch one. Any program that exists will do.
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
    });
    await bundleClient(work);
    await rename(work, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Generation {
  readonly cache: string;
  readonly cli: string;
  readonly models: string;
}

async function bundleClient(folder: string): Promise<void> {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [join(folder, "entry.ts")],
    outfile: join(folder, "client.mjs"),
    bundle: true,
    // The adapter checks that a pool it is given is one of this module.
    external: ["pg"],
    format: "esm",
    platform: "node",
    target: "node20.19",
    logLevel: "silent",
    // For packages in the bundle that call `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
}
