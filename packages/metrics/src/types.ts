/** Keeps one total for each tenant. `describeMetricsStore` from `@scale/metrics/testing` is its contract. */
export interface MetricsStore {
  /** Adds units, an integer >= 1, and resolves to the tenant's new total. Concurrent calls lose nothing. */
  add(tenantId: string, units: number): Promise<number>;
}
