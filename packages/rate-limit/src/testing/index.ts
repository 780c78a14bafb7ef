export { describeRateLimitAdapter, type LimitedRoutes, type ServeLimited } from "./adapter.js";
export { ruleOf } from "./rule.js";
export { type CreateStore, describeRateLimitStore } from "./store.js";
