import { lib } from "../../tsup.config.base.ts";

export default lib([
  "src/index.ts",
  "src/adapter.ts",
  "src/adapters/express.ts",
  "src/adapters/fetch.ts",
  "src/adapters/next.ts",
  "src/testing.ts",
]);
