import { createDeadline } from "@scale/core/kit";
import type { RunStatement, SqlClient } from "./client.js";
import { checkClient, checkTransaction } from "./is-client.js";

/** The client that an interactive transaction of Prisma passes to its callback. */
export interface PrismaExecutor {
  $queryRawUnsafe(query: string, ...values: string[]): PromiseLike<unknown>;
}

/** A Prisma client on Postgres. */
export interface PrismaDatabase extends PrismaExecutor {
  $transaction<T>(
    work: (tx: PrismaExecutor) => Promise<T>,
    options: { readonly isolationLevel: "ReadCommitted"; readonly maxWait: number; readonly timeout: number },
  ): Promise<T>;
}

/** The application's Prisma client. `tx` is what `prisma.$transaction(async (tx) => …)` passes to its callback. */
export function prismaClient<Tx extends PrismaExecutor = PrismaExecutor>(prisma: PrismaDatabase): SqlClient<Tx> {
  checkClient(prisma, ["$queryRawUnsafe", "$transaction"], "prismaClient");
  return {
    name: "prismaClient",
    run: runOn(prisma),
    inTransaction(tx) {
      checkTransaction(tx, prisma, "$queryRawUnsafe");
      return runOn(tx);
    },
    transaction: (work, timeoutMs) => {
      const deadline = createDeadline(timeoutMs);
      const limits = { isolationLevel: "ReadCommitted", maxWait: timeoutMs, timeout: timeoutMs } as const;
      const inside = (tx: PrismaExecutor): ReturnType<typeof work> =>
        deadline(work(runOn(tx)), "the work in a transaction");
      return deadline(prisma.$transaction(inside, limits), "the database");
    },
  };
}

const runOn =
  (db: PrismaExecutor): RunStatement =>
  async (text, params) => {
    // Safe: the statements are constants with parameters. "Unsafe" is Prisma's name for SQL that is not a template.
    const rows = await db.$queryRawUnsafe(text, ...params);
    return Array.isArray(rows) ? rows : [];
  };
