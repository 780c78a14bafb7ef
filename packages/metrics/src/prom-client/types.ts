/** A metric of prom-client, as `getMetricsAsArray` returns it. */
export interface PromClientMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  get(): unknown;
}

/** The part of prom-client's `Registry` that we call. */
export interface PromClientRegistry {
  getMetricsAsArray(): readonly unknown[];
  registerMetric(metric: never): void;
  removeSingleMetric(name: string): void;
}
