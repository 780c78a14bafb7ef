export { describeHttpAdapter, type ServeHttp } from "./testing/adapter-contract.js";
export { createFacts, type FactsInit } from "./testing/facts.js";
export { type HttpHome, listen } from "./testing/test-server.js";
export type { ContractRoutes, TenantSeen } from "./testing/routes.js";
