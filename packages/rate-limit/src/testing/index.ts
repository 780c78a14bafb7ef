export { describeRateLimitAdapter, type LimitedRoutes } from "./adapter.js";
export { ruleOf } from "./rule.js";
export { type CreateStore, describeRateLimitStore } from "./store.js";
