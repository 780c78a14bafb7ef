// For authors of an adapter for another client library: what `./pg` uses of a router, and of PostgreSQL.
export { failureOf } from "./postgres/failure.js";
export { type Classifier, createClassifier } from "./postgres/sql/classifier.js";
export type { StatementKind } from "./postgres/sql/kind.js";
export type { Checkout, ClientLike, DbNode, PoolLike, RouteRequest, Routing, RowsLike } from "./types.js";
