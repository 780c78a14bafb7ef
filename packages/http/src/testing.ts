export { describeHttpAdapter, type ServeHttp } from "./testing/adapter.js";
export { createFacts, type FactsInit } from "./testing/facts.js";
export { type HttpHome, listen } from "./testing/listen.js";
export type { ContractRoutes, TenantSeen } from "./testing/routes.js";
