export { describeRateLimitAdapter, type ServeLimited } from "./adapter.js";
export { type CreateStore, describeRateLimitStore } from "./store.js";
