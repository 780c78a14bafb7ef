import type { HubStore, OpenStore, StoredEvent, StoreListener } from "../src/index.js";

export type StoreCall = "append" | "read" | "tails" | "subscribe" | "setPresence";

/** A store whose notifications and answers a test controls, one for each hub that opens it. */
export interface FaultyStore extends HubStore {
  /** Notifications for which this returns true are lost. */
  loses: (event: StoredEvent) => boolean;
  /** Called before every call to the store; it may reject. */
  before: (call: StoreCall, tenantId: string) => void | Promise<void>;
  lose(): void;
  restore(): void;
}

export function faultyStore(store: HubStore): FaultyStore {
  const listeners: StoreListener[] = [];
  const faulty: FaultyStore = {
    loses: () => false,
    before: () => undefined,
    lose: () => listeners.forEach((listener) => listener.onLost()),
    restore: () => listeners.forEach((listener) => listener.onRestored()),
    open(settings): OpenStore {
      const { listener } = settings;
      listeners.push(listener);
      const inner = store.open({
        ...settings,
        listener: { ...listener, onEvent: (event) => (faulty.loses(event) ? undefined : listener.onEvent(event)) },
      });
      return {
        ...inner,
        append: async (event) => (await faulty.before("append", event.tenantId), inner.append(event)),
        read: async (request) => (await faulty.before("read", request.tenantId), inner.read(request)),
        tails: async (tenantId, topics) => (await faulty.before("tails", tenantId), inner.tails(tenantId, topics)),
        subscribe: async (tenantId, topic) => (
          await faulty.before("subscribe", tenantId), inner.subscribe(tenantId, topic)
        ),
        // oxlint-disable-next-line max-params -- as the store has it
        setPresence: async (tenantId, counts, ttlMs) => (
          await faulty.before("setPresence", tenantId), inner.setPresence(tenantId, counts, ttlMs)
        ),
      };
    },
  };
  return faulty;
}
