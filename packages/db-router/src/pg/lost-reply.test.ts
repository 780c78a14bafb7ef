import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import pg, { type Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { recordingRouting, type RecordingRouting } from "../../test/recording-routing.js";
import type { Routing } from "../types.js";
import { pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";
import { deliver, type Statement } from "./statement.js";

const LOST = "Connection terminated unexpectedly";

/** Runs a statement that ends with "/* lost *\/" on the server, and drops its reply. */
class Losing extends pg.Client {
  #isLost = false;
  override getTransactionStatus(): "T" | "I" | "E" | null {
    return this.#isLost ? "T" : super.getTransactionStatus();
  }

  override query(...args: unknown[]): never {
    const callback = args.at(-1);
    const isLost = typeof args[0] === "string" && args[0].endsWith("/* lost */");
    const query = super.query.bind(this) as (...all: unknown[]) => unknown;
    if (!isLost) return query(...args) as never;
    this.#isLost = true;
    const lost = query(args[0]) as Promise<unknown>;
    if (typeof callback !== "function") return lost.then(() => Promise.reject(new Error(LOST))) as never;
    void deliver(
      lost.then(() => Promise.reject(new Error(LOST))),
      callback as Statement["callback"],
    );
    return undefined as never;
  }
}

const SCHEMA = [
  "create table touched (at timestamptz default clock_timestamp())",
  `create function touch() returns int language sql as
     $$ insert into touched default values returning 1 $$`,
  "create view touching as select touch()",
];

describe.skipIf(!findPostgres())("a statement that may have written", () => {
  let cluster: ContactsCluster;
  let routing: RecordingRouting;
  let pool: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
    for (const statement of SCHEMA) await cluster.primary.query(statement);
    await cluster.caughtUp();
  });
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    const [first] = cluster.replicas;
    const node = ({ name, url }: { name: string; url: string }): ReturnType<typeof pgNode> =>
      pgNode({ name, config: { connectionString: url, Client: Losing, min: 0, max: 4 } });
    routing = recordingRouting(node(cluster.primary), [node(first)]);
    pool = routedPool(routing);
    await cluster.primary.query("truncate touched");
  });
  afterEach(() => routing.end());

  const touched = async (): Promise<number> =>
    Number((await cluster.primary.query("select count(*)::int as n from touched"))[0]?.["n"]);

  it("is not sent to a second primary when it calls an unknown function", async () => {
    const work = routing.primary(() => pool.query("select touch() /* lost */"));
    await expect(work).rejects.toThrow(LOST);
    expect(await touched()).toBe(1);
  });

  it("is not repeated on the primary when the primary lost its reply and a replica refuses it", async () => {
    const primaryFirst: Routing = {
      ...routing,
      checkout: (request) =>
        request.except === undefined && request.intent === "read"
          ? routing.primary(() => routing.checkout(request))
          : routing.checkout(request),
    };
    const work = routedPool(primaryFirst).query("select * from touching /* lost */");
    await expect(work).rejects.toThrow(LOST);
    expect(await touched()).toBe(1);
    expect(routing.served()).toEqual(["primary", "r1", "primary"]);
  });

  it("counts as a write when the primary runs an unknown function", async () => {
    await routing.primary(() => pool.query("select touch()"));
    await routing.primary(() => pool.query(new pg.Query("select touch()") as never));
    await routing.primary(() => pool.query("select count(*) from touched"));
    await pool.query("select * from pg_ls_waldir()");
    expect(routing.checkouts.map(({ route, outcome }) => [route.to, outcome?.wrote])).toEqual([
      ["primary", true],
      ["primary", true],
      ["primary", false],
      ["replica", false],
    ]);
  });

  async function withClient(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
    const client = await pool.connect();
    await work(client).finally(() => client.release(true));
  }
  const commits = (): number | undefined => routing.checkouts[0]?.commits;

  it("is noted when the reply to COMMIT is lost, before the release", () =>
    withClient(async (client) => {
      await client.query("begin");
      await client.query("insert into touched default values");
      await expect(client.query("commit /* lost */")).rejects.toThrow(LOST);
      expect(commits()).toBe(1);
    }));

  it("is noted when a COMMIT begins the next transaction at once", () =>
    withClient(async (client) => {
      for (const text of ["begin", "insert into touched default values", "commit and chain"]) await client.query(text);
      expect(commits()).toBe(1);
    }));

  it("counts as a write when a cursor calls an unknown function", () =>
    withClient(async (client) => {
      for (const text of ["begin", "declare c cursor for select touch()", "fetch c", "commit"])
        await client.query(text);
      expect(commits()).toBe(1);
      expect(await touched()).toBe(1);
    }));
});
