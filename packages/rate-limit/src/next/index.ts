export { rateLimit, type RateLimitRouteOptions } from "../fetch.js";
export {
  createEnforce,
  type Enforced,
  type EnforceLimits,
  type EnforceOptions,
  type EnforceRateLimit,
} from "./enforce.js";
