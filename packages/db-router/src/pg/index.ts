export { type ConnectionLoss, connectionLose } from "./events.js";
export { type PgNode, pgNode } from "./node.js";
export type { PgNodeOptions } from "./options.js";
export { type RoutedPoolOptions, routedPool } from "./routed-pool.js";
