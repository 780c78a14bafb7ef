import { type ContactsCluster, findPostgres, freePort, startContacts, waitUntil } from "@scale/testkit";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { nodeEject } from "./events.js";
import { type PgNode, pgNode, routedPool } from "./pg/index.js";
import { createRouter, type Router } from "./router.js";

/** A machine without a resolver says so with another code. */
const UNRESOLVED = { asymmetricMatch: (code: unknown) => code === "ENOTFOUND" || code === "EAI_AGAIN" };
const INSERT = "insert into contacts (tenant_id, name) values ('x', 'y')";

describe.skipIf(!findPostgres())("the cause of a failure", () => {
  let cluster: ContactsCluster;
  let urls: Record<string, string>;
  beforeAll(async () => {
    cluster = await startContacts();
    const { url } = cluster.primary;
    const to = (change: Partial<Record<"pathname" | "username" | "hostname" | "port", string>>): string =>
      Object.assign(new URL(url), change).href;
    urls = {
      "3D000": to({ pathname: "/missing" }),
      "28P01": to({ username: "missing" }),
      ECONNREFUSED: to({ port: String(await freePort()) }),
      ENOTFOUND: to({ hostname: "missing.invalid" }),
    };
  });
  afterAll(() => cluster.stop());

  function single(node: PgNode): Router {
    const router = createRouter({ primary: node });
    onTestFinished(() => router.close({ drainMs: 0 }));
    return router;
  }

  it.each(["3D000", "28P01", "ECONNREFUSED", "ENOTFOUND"])("is in every place an operator looks: %s", async (code) => {
    const connectionString = urls[code] ?? "";
    const plain = new pg.Client({ connectionString });
    await expect(plain.connect()).rejects.toMatchObject(code === "ENOTFOUND" ? {} : { code });
    const ejections: unknown[] = [];
    onTestFinished(nodeEject.subscribe(({ cause }) => ejections.push(cause)));
    const router = single(pgNode({ name: "p", connectionString }));
    const pool = routedPool(router);
    const cause = { code: code === "ENOTFOUND" ? UNRESOLVED : code };
    const unavailable = { code: "SCALE_NO_PRIMARY", status: 503, cause };
    // In the first milliseconds, before any poll has ended.
    const early = await Promise.allSettled([
      pool.query(INSERT),
      pool.query("select 1"),
      (await pool.connect()).query("begin"),
    ]);
    for (const outcome of early) expect(outcome).toMatchObject({ reason: unavailable });
    await expect(router.ready()).rejects.toMatchObject(unavailable);
    await waitUntil(() => router.health().nodes[0]?.reason === "unreachable", { what: "an unreachable node" });
    for (const text of [INSERT, "select 1"]) await expect(pool.query(text)).rejects.toMatchObject(unavailable);
    expect(router.health().nodes[0]?.error).toMatchObject({ code: cause.code, message: expect.any(String) });
    expect(ejections).toContainEqual(expect.objectContaining(cause));
  });

  it("is gone from health when the node answers again", async () => {
    const [primary] = [cluster.primary];
    const router = single(pgNode({ name: "p", config: { connectionString: primary.url, min: 0 } }));
    await router.ready();
    await primary.kill();
    await waitUntil(() => router.health().nodes[0]?.error?.code === "ECONNREFUSED", { what: "the cause" });
    await primary.start();
    await waitUntil(() => router.health().isWritable, { what: "the primary" });
    expect(router.health().nodes[0]?.error).toBeUndefined();
  });

  it("is the lost primary, and not the refusal or the lag of a replica", async () => {
    const [r1] = cluster.replicas;
    await cluster.primary.query(
      "create function sneaky() returns bigint language sql as $$ select nextval('tickets') $$",
    );
    await cluster.caughtUp();
    const node = ({ name, url }: { name: string; url: string }): PgNode =>
      pgNode({ name, config: { connectionString: url, min: 0 } });
    const router = createRouter({ primary: node(cluster.primary), replicas: [node(r1)] });
    onTestFinished(() => router.close({ drainMs: 0 }));
    await router.ready();
    await cluster.primary.kill();
    await waitUntil(() => !router.health().isWritable, { what: "a lost primary" });
    const pool = routedPool(router);
    for (const text of ["select sneaky()", "select 1 from not_yet"]) {
      const work = router.run({ startFresh: true }, () => pool.query(text));
      await expect(work).rejects.toMatchObject({ code: "SCALE_NO_PRIMARY", cause: { code: "ECONNREFUSED" } });
    }
    await cluster.primary.start();
  });

  it("tells a full pool, a connection that times out, and a lost primary apart", async () => {
    const { url } = cluster.primary;
    const full = single(
      pgNode({ name: "p", config: { connectionString: url, max: 1, min: 0, connectionTimeoutMillis: 50 } }),
    );
    await full.ready();
    const pool = routedPool(full);
    const busy = await pool.connect();
    await busy.query("begin");
    for (const text of [INSERT, "select 1"]) {
      await expect(pool.query(text)).rejects.toMatchObject({
        code: "SCALE_BUSY",
        what: "pool",
        status: 503,
        cause: expect.any(Error),
      });
    }
    expect(full.health()).toMatchObject({ isWritable: true });
    await busy.query("rollback");
    busy.release();
    // A server that accepts connections and never replies.
    cluster.primary.pause();
    onTestFinished(() => cluster.primary.resume());
    const silent = single(
      pgNode({ name: "p", config: { connectionString: url, min: 0, connectionTimeoutMillis: 50 } }),
    );
    await expect(routedPool(silent).query(INSERT)).rejects.toMatchObject({
      code: "SCALE_NO_PRIMARY",
      cause: { message: expect.stringContaining("timeout") },
    });
  });
});

describe("a primary without its role", () => {
  it("is warned of, because its pool has the size of a replica's", async () => {
    const url = "postgres://app@127.0.0.1:1/app";
    const warnings: (Error & { code?: string })[] = [];
    const listener = (warning: Error): void => void warnings.push(warning);
    process.on("warning", listener);
    onTestFinished(() => void process.off("warning", listener));
    const named = [
      pgNode({ name: "p", role: "primary", connectionString: url }),
      pgNode({ name: "q", config: { connectionString: url, max: 3 } }),
      pgNode({ name: "r", connectionString: url }),
    ];
    for (const primary of named) {
      const router = createRouter({ name: `of ${primary.name}`, primary });
      onTestFinished(() => router.close({ drainMs: 0 }));
    }
    const ours = (): string[] =>
      warnings.filter(({ code }) => code === "SCALE_SETUP_POOL").map(({ message }) => message);
    await waitUntil(() => ours().length > 0, { what: "the warning" });
    expect(ours()).toEqual([expect.stringMatching(/^of r: expected/)]);
  });
});

describe("a routed pool", () => {
  it("refuses nodes of another library, and names what it got", () => {
    const pool = { query: () => undefined, connect: () => undefined, on: () => undefined, off: () => undefined };
    const node = { name: "x", pool, isOwned: false, probe: () => Promise.reject(new Error("none")) };
    const router = createRouter({ primary: node as never });
    onTestFinished(() => router.close({ drainMs: 0 }));
    expect(() => routedPool(router)).toThrow(/expected nodes with pools of pg/);
  });
});
