import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable } from "drizzle-orm/pg-core";
import pg, { type Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createRouter, type Router } from "../router.js";
import { pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

const REPEATS = 20;

/** The codes of the errors of repeated calls, `undefined` for a success. */
async function codesOf(work: () => Promise<unknown>, times = REPEATS): Promise<unknown[]> {
  const codes: unknown[] = [];
  for (let i = 0; i < times; i++) {
    codes.push(
      await work().then(
        () => undefined,
        (error: { code?: string; cause?: { code?: string } }) => error.code ?? error.cause?.code,
      ),
    );
  }
  return codes;
}

const failures = (codes: readonly unknown[]): number => codes.filter((code) => code !== undefined).length;

describe.skipIf(!findPostgres())("a session that an error has broken", () => {
  let cluster: ContactsCluster;
  let router: Router;
  let routed: Pool;
  let plain: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
    const [r1, r2] = cluster.replicas;
    const node = ({ name, url }: { name: string; url: string }): ReturnType<typeof pgNode> =>
      pgNode({ name, config: { connectionString: url, min: 0, max: 4 } });
    router = createRouter({ primary: node(cluster.primary), replicas: [node(r1), node(r2)] });
    routed = routedPool(router);
    plain = new pg.Pool({ connectionString: cluster.primary.url, max: 4 });
    await router.ready();
  });
  afterAll(async () => {
    await plain.end();
    await router.close();
    await cluster.stop();
  });

  /** A table whose named statement `load` has been prepared, and has another result type now. */
  async function outdatedPlan(table: string, load: () => Promise<unknown>): Promise<void> {
    await cluster.primary.query(`create table ${table} (id int)`);
    await cluster.caughtUp();
    await load();
    await cluster.primary.query(`alter table ${table} add column more int`);
    await cluster.caughtUp();
  }

  it("heals after a change of the result type as plain pg does, on the primary and on replicas", async () => {
    const named = (pool: Pool, table: string) => () =>
      pool.query({ name: `all of ${table}`, text: `select * from ${table}` });
    const ofPlain = named(plain, "plan_a");
    await outdatedPlan("plan_a", ofPlain);
    const reference = failures(await codesOf(ofPlain));
    expect(reference).toBe(1);

    const ofPrimary = (): Promise<unknown> => router.primary(named(routed, "plan_b"));
    await outdatedPlan("plan_b", ofPrimary);
    expect(failures(await codesOf(ofPrimary))).toBe(reference);

    const ofReplicas = named(routed, "plan_c");
    await outdatedPlan("plan_c", () => Promise.all(Array.from({ length: 8 }, ofReplicas)));
    await router.refresh();
    const before = router.stats().routes;
    expect(failures(await codesOf(ofReplicas, 300))).toBe(0);
    // Each replica has at most four sessions with the outdated plan.
    const { routes } = router.stats();
    expect(routes.read - before.read).toBeGreaterThanOrEqual(300);
    expect(routes["no-healthy-replica"] - before["no-healthy-replica"]).toBeLessThanOrEqual(8);
    expect({ ...routes, read: 0, "no-healthy-replica": 0 }).toEqual({ ...before, read: 0, "no-healthy-replica": 0 });
  });

  it("heals a prepared statement of Drizzle as plain pg does", async () => {
    const table = (name: string) => pgTable(name, { id: integer() });
    const of = (client: Pool, name: string): (() => Promise<unknown>) => {
      const statement = drizzle({ client })
        .select({ all: sql`${table(name)}.*` })
        .from(table(name))
        .prepare(`all of ${name}`);
      return () => statement.execute();
    };
    const ofPlain = of(plain, "plan_d");
    await outdatedPlan("plan_d", ofPlain);
    const reference = failures(await codesOf(ofPlain, 30));
    expect(reference).toBe(1);
    const ofRouted = of(routed, "plan_e");
    const ofPrimary = (): Promise<unknown> => router.primary(ofRouted);
    await outdatedPlan("plan_e", ofPrimary);
    expect(failures(await codesOf(ofPrimary, 30))).toBe(reference);
  });

  it.each<[string, string[]]>([
    ["a transaction that failed and was not ended", ["begin", "select wrong"]],
    ["a session whose named statements are gone", ["deallocate all"]],
    ["a session that was made read-only", ["set session characteristics as transaction read only"]],
  ])("fails no later statement more often than plain pg: %s", async (_what, statements) => {
    const config = { connectionString: cluster.primary.url, max: 1, min: 0 };
    const single = createRouter({ primary: pgNode({ name: "p", config }) });
    const one = new pg.Pool(config);
    onTestFinished(async () => {
      await Promise.all([single.close(), one.end()]);
    });
    async function failuresOn(pool: Pool): Promise<number> {
      await pool.query({ name: "known", text: "select 1 from contacts" });
      const client = await pool.connect();
      for (const text of statements) await client.query(text).catch(() => undefined);
      client.release();
      const codes = await codesOf(() => pool.query({ name: "known", text: "select 1 from contacts" }), 10);
      return failures([...codes, ...(await codesOf(() => pool.query("create table if not exists healed (id int)")))]);
    }
    expect(await failuresOn(routedPool(single))).toBeLessThanOrEqual(await failuresOn(one));
  });

  it("keeps the connection after an error of a statement", async () => {
    const pool = new pg.Pool({ connectionString: cluster.primary.url, max: 1 });
    const node = pgNode({ name: "p", pool });
    const single = createRouter({ primary: node });
    onTestFinished(async () => {
      await single.close();
      await pool.end();
    });
    const own = routedPool(single);
    const pid = async (): Promise<unknown> => (await own.query("select pg_backend_pid() as pid")).rows[0].pid;
    const before = await pid();
    for (const text of ["select 1/0", "select wrong", "select", "select 'x'::int"])
      await own.query(text).catch(() => undefined);
    expect(await pid()).toBe(before);
  });
});
