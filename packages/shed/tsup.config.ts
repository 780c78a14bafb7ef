import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/http/index.ts", "src/express.ts", "src/fetch.ts", "src/next.ts"]);
