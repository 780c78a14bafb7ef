import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/kit.ts", "src/redis/index.ts", "src/testing.ts"]);
