import { lib } from "../../tsup.config.base.ts";

export default lib(["src/index.ts", "src/main.ts", "src/control/main.ts"]);
