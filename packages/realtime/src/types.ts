/** Keeps one total for each tenant. `describeRealtimeStore` from `@scale/realtime/testing` is its contract. */
export interface RealtimeStore {
  /** Adds units, an integer >= 1, and resolves to the tenant's new total. Concurrent calls lose nothing. */
  add(tenantId: string, units: number): Promise<number>;
}
