import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/sql/index.ts", "src/drizzle/index.ts", "src/prisma/index.ts"]);
