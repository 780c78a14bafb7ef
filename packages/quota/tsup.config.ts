import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/usage/redis/index.ts",
  "src/rows/pg.ts",
  "src/rows/drizzle.ts",
  "src/rows/prisma.ts",
  "src/testing/index.ts",
  "src/http.ts",
  "src/express.ts",
  "src/fetch.ts",
  "src/next.ts",
]);
