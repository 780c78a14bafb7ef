import type { Consumer, StoredQueue } from "../store.js";

/**
 * A queue whose implementation is known only after its first call: BullMQ's scripts are read asynchronously.
 * @param choose called once, by the first call
 */
export function chosenQueue(clock: StoredQueue["clock"], choose: () => Promise<StoredQueue>): StoredQueue {
  let choosing: Promise<StoredQueue> | undefined;
  const chosen = (): Promise<StoredQueue> => (choosing ??= choose());
  return {
    clock,
    add: async (jobs) => (await chosen()).add(jobs),
    get: async (id) => (await chosen()).get(id),
    list: async (query) => (await chosen()).list(query),
    counts: async () => (await chosen()).counts(),
    tenantStats: async (tenantId) => (await chosen()).tenantStats(tenantId),
    listTenants: async (query) => (await chosen()).listTenants(query),
    cancel: async (id) => (await chosen()).cancel(id),
    cancelTenant: async (tenantId, limit) => (await chosen()).cancelTenant(tenantId, limit),
    pauseTenant: async (tenantId) => (await chosen()).pauseTenant(tenantId),
    resumeTenant: async (tenantId) => (await chosen()).resumeTenant(tenantId),
    setShare: async (tenantId, share) => (await chosen()).setShare(tenantId, share),
    redrive: async (query) => (await chosen()).redrive(query),
    purgeTenant: async (tenantId, limit) => (await chosen()).purgeTenant(tenantId, limit),
    claim: async (key, owner, ttlMs) => (await chosen()).claim(key, owner, ttlMs),
    ping: async () => (await chosen()).ping(),
    consume: (handler, options) => chosenConsumer(chosen().then((queue) => queue.consume(handler, options))),
    async close() {
      // A queue that was never used opened nothing.
      if (choosing !== undefined) await (await choosing).close();
    },
  };
}

function chosenConsumer(consumer: Promise<Consumer>): Consumer {
  return {
    ready: async () => (await consumer).ready(),
    stop: async () => (await consumer).stop(),
    close: async () => (await consumer).close(),
  };
}
