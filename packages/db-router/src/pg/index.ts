export { type ConnectionLoss, connectionLosses } from "./events.js";
export { type PgNode, pgNode } from "./node.js";
export type { PgNodeOptions } from "./options.js";
export { type RoutedPoolOptions, routedPool } from "./routed-pool.js";
