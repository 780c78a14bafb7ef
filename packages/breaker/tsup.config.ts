import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/redis/index.ts", "src/opossum/index.ts", "src/testing/index.ts"]);
