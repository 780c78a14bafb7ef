import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import { listen, type TestServer } from "@scale/http/testing";
import express, { type RequestHandler } from "express";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routed } from "../test/routed.js";
import { dbSession } from "./express.js";
import { routedPool } from "./pg/routed-pool.js";
import type { Router } from "./router.js";

const DELAY_MS = 400;

/** As express-session does over a store in Postgres: the headers leave first, the session is saved, then the response ends. */
function savesAtEnd(pool: Pool): RequestHandler {
  return (_request, response, next) => {
    const { end } = response;
    response.end = (...args: unknown[]) => {
      const saved = pool.query("update contacts set name = 'logged in' where id = 1");
      response.writeHead(response.statusCode);
      response.flushHeaders();
      void saved.finally(() => Reflect.apply(end, response, args));
      return response;
    };
    next();
  };
}

describe.skipIf(!findPostgres())(`dbSession, with replicas that are ${DELAY_MS} ms late`, () => {
  let cluster: ContactsCluster;
  let router: Router;
  let home: TestServer;
  beforeAll(async () => {
    cluster = await startContacts();
    await cluster.primary.query("insert into contacts (id, tenant_id, name) values (500, 'acme', '0')");
    await cluster.caughtUp();
    for (const replica of cluster.replicas) await replica.setApplyDelay(DELAY_MS);
    ({ router } = await routed(cluster));
    const pool = routedPool(router);
    const nameOf = async (id: number): Promise<string> =>
      (await pool.query<{ name: string }>("select name from contacts where id = $1", [id])).rows[0]?.name ?? "";
    const app = express();
    app.use(dbSession(router));
    app.post("/count", async (_request, response) => {
      const count = Number(await nameOf(500)) + 1;
      await pool.query("update contacts set name = $1 where id = 500", [String(count)]);
      response.json({ count });
    });
    app.post("/login", savesAtEnd(pool), (_request, response) => void response.end("welcome"));
    app.get("/me", async (_request, response) => void response.send(await nameOf(1)));
    home = await listen(app);
  });
  afterAll(async () => {
    await home.close();
    await router.close();
    await cluster.stop();
  });

  it("loses no update of clients that read and write back one after the other", async () => {
    const counts: unknown[] = [];
    // Each request is of another client: no token.
    for (let i = 0; i < 3; i++) counts.push(await (await fetch(`${home.url}/count`, { method: "POST" })).json());
    expect(counts).toEqual([{ count: 1 }, { count: 2 }, { count: 3 }]);
  });

  it("shows a session that was saved after the headers had left", async () => {
    const response = await fetch(`${home.url}/login`, { method: "POST" });
    await response.text();
    const cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect(await (await fetch(`${home.url}/me`, { headers: { cookie } })).text()).toBe("logged in");
  });
});
