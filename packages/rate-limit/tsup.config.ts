import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/redis/index.ts",
  "src/testing/index.ts",
  "src/http/guard.ts",
  "src/express.ts",
  "src/fetch.ts",
  "src/next/index.ts",
  "src/store.ts",
  "src/adapters/express-rate-limit.ts",
  "src/adapters/throttler.ts",
]);
