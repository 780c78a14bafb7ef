/** Keeps one total for each tenant. `describeHealthStore` from `@scale/health/testing` is its contract. */
export interface HealthStore {
  /** Adds units, an integer >= 1, and resolves to the tenant's new total. Concurrent calls lose nothing. */
  add(tenantId: string, units: number): Promise<number>;
}
