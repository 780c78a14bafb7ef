import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/redis/index.ts",
  "src/file/index.ts",
  "src/openfeature/index.ts",
  "src/testing/index.ts",
]);
