import { setTimeout as sleep } from "node:timers/promises";
import { createPlanResolver, definePlans, hard } from "@scale/core";
import { createQuota, rows as rowsMetric } from "@scale/quota";
import { type Line, type SectionOptions, startPostgres } from "@scale/testkit";
import { type Closable, drizzleHarness, pgHarness, prismaHarness } from "@scale/quota/scenarios";
import { line } from "../bound.js";

const LIMIT = 500;
const TENANT = "acme";

/** Do 500 transactions that create the last row at once, on real Postgres, create exactly one? */
export async function* rows({ smoke }: SectionOptions): AsyncIterable<Line> {
  const creators = smoke ? 20 : 500;
  const postgres = await startPostgres();
  const { url } = postgres.primary;
  try {
    yield* prove("pg", { harness: await pgHarness(url), creators });
    yield* prove("Drizzle", { harness: await drizzleHarness(url), creators });
    yield* prove("Prisma", { harness: await prismaHarness(url), creators });
    yield* control({ harness: await pgHarness(url, "control"), creators });
  } finally {
    await postgres.stop();
  }
}

interface Load<Db> {
  readonly harness: Closable<Db>;
  readonly creators: number;
}

interface Outcome {
  readonly created: number;
  readonly refused: number;
  readonly failed: number;
  readonly there: number;
}

async function* prove<Db>(client: string, { harness, creators }: Load<Db>): AsyncIterable<Line> {
  const quota = createQuota({
    metrics: { contacts: rowsMetric({ count: (tenantId, db: Db) => harness.count(db, tenantId) }) },
    plans: createPlanResolver({
      plans: definePlans({ free: { quota: { contacts: hard(LIMIT) } } }),
      lookup: () => "free",
    }),
    rows: harness.store,
  });
  // The tenant has rows and no counter: the first of the creators counts them.
  const { created, refused, failed, there } = await race({ harness, creators }, async (tx) => {
    await quota.use(TENANT, { contacts: 1 }, { tx });
    return true;
  });
  const { used } = await quota.check(TENANT, "contacts");
  await harness.close();
  const about = `quota: ${creators} creators at limit - 1, ${client}`;
  yield line({ proof: `${about}, created`, unit: "rows", value: created, bound: { atLeast: 1 } });
  yield line({ proof: `${about}, created beyond the limit`, unit: "rows", value: there - LIMIT, bound: { atMost: 0 } });
  yield line({ proof: `${about}, refused`, unit: "creators", value: refused, bound: { atLeast: creators - 1 } });
  yield line({ proof: `${about}, failed otherwise`, unit: "creators", value: failed, bound: { atMost: 0 } });
  yield line({
    proof: `${about}, counter and rows differ by`,
    unit: "rows",
    value: Math.abs(used - there),
    bound: { atMost: 0 },
  });
}

/** The same load on count-then-insert, as many applications do. If it created no extra row, the load would prove nothing. */
async function* control<Db>({ harness, creators }: Load<Db>): AsyncIterable<Line> {
  const { there } = await race({ harness, creators }, async (tx) => {
    const found = await harness.count(tx, TENANT);
    // Between the two a handler reads, validates and calls other services.
    await sleep(5);
    return found < LIMIT;
  });
  await harness.close();
  yield line({
    proof: "quota: the same creators that count first and insert then, created beyond the limit",
    unit: "rows",
    value: there - LIMIT,
    bound: { atLeast: 1 },
  });
}

async function race<Db>({ harness, creators }: Load<Db>, admit: (tx: Db) => Promise<boolean>): Promise<Outcome> {
  await harness.insert(harness.db, TENANT, LIMIT - 1);
  const create = (): Promise<string> =>
    harness
      .transaction(async (tx) => {
        if (!(await admit(tx))) return "refused";
        await harness.insert(tx, TENANT, 1);
        return "created";
      })
      .catch((error: unknown) => (isRefusal(error) ? "refused" : "failed"));
  const outcomes = await Promise.all(Array.from({ length: creators }, create));
  const total = (what: string): number => outcomes.filter((outcome) => outcome === what).length;
  const there = await harness.count(harness.db, TENANT);
  return { created: total("created"), refused: total("refused"), failed: total("failed"), there };
}

const isRefusal = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "SCALE_QUOTA";
