import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/redis/index.ts",
  "src/store.ts",
  "src/testing/index.ts",
  "src/adapters/keyv/index.ts",
  "src/adapters/bentocache/index.ts",
  "src/adapters/next/index.ts",
]);
