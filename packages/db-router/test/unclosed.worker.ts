import pg from "pg";
import { pgNode, routedPool } from "../src/pg/index.js";
import { createRouter } from "../src/router.js";

// A script that never closes its router. It must exit as soon as nothing is left to do.
const [url = "", whose] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, idleTimeoutMillis: 300 });
const primary = whose === "own" ? pgNode({ name: "p", pool }) : pgNode({ name: "p", connectionString: url });
const router = createRouter({ primary });
await router.ready();
await routedPool(router).query("select 1");
process.stdout.write("done\n");
