import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/adapters/express.ts", "src/adapters/fetch.ts", "src/testing.ts"]);
