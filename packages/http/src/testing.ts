export { describeHttpAdapter, type ServeAdapter } from "./testing/adapter-contract.js";
export { createFacts, type FactsInit } from "./testing/facts.js";
export { disconnectSeen, sendTarget } from "./testing/client.js";
export { type TestServer, listen } from "./testing/test-server.js";
export type { ContractRoutes, OrdersSeen, TenantSeen } from "./testing/routes.js";
