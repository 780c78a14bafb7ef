import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/redis/index.ts",
  "src/testing/index.ts",
  "src/keyv/index.ts",
  "src/bentocache/index.ts",
  "src/next/index.ts",
  "src/msgpackr/index.ts",
]);
