export { rateLimit } from "../fetch.js";
export { createEnforce, type Enforced, type EnforceOptions } from "./enforce.js";
