// For authors of an adapter for another client library: what `./pg` uses of a router, and of PostgreSQL.
export { AmbiguousError, NodeLostError } from "./errors.js";
export { failureOf, isSessionIntact, markUnsent, wasSent } from "./postgres/failure.js";
export { type Classifier, createClassifier } from "./postgres/sql/classifier.js";
export type { StatementKind } from "./postgres/sql/kind.js";
export type { Checkout, ClientLike, DbNode, NodeLoss, PoolLike, RouteRequest, Routing, RowsLike } from "./types.js";
