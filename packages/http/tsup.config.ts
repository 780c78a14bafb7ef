import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/express.ts", "src/next.ts", "src/testing.ts"]);
