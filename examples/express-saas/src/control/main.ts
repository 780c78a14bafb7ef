import { drizzle } from "drizzle-orm/node-postgres";
import { Pool } from "pg";
import { startServer } from "../server.js";
import { createControlApp } from "./app.js";

// A process of its own: its overload must not be that of the app. `startControl` starts and ends it.
async function main(): Promise<void> {
  const pool = new Pool({ connectionString: process.env["DATABASE_URL"], application_name: "example-control" });
  // Without a listener a lost idle connection would end the process.
  pool.on("error", () => undefined);
  const app = createControlApp({ db: drizzle({ client: pool }), ratesUrl: process.env["RATES_URL"] ?? "" });
  const { url } = await startServer(app, 0);
  console.log(`control ${url}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
