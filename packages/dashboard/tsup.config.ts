import { lib } from "../../tsup.config.base.ts";

export default lib();
