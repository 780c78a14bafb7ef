import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/pg/index.ts",
  "src/prisma/index.ts",
  "src/drizzle/index.ts",
  "src/adapter.ts",
  "src/testing/index.ts",
  "src/http.ts",
  "src/express.ts",
  "src/fetch.ts",
  "src/next.ts",
]);
