/** Marks our metrics in a registry of prom-client. */
export const OURS: unique symbol = Symbol.for("@scale/metrics:metric");
