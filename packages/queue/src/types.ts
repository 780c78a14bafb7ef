/** Keeps one total for each tenant. `describeQueueStore` from `@scale/queue/testing` is its contract. */
export interface QueueStore {
  /** Adds units, an integer >= 1, and resolves to the tenant's new total. Concurrent calls lose nothing. */
  add(tenantId: string, units: number): Promise<number>;
}
