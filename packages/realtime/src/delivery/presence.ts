import { storeFail } from "../events.js";
import type { OpenStore } from "../store.js";
import type { LiveTopic, Roster } from "./roster.js";

/** Milliseconds after which the counts of a process that died are forgotten. */
const TTL_MS = 30_000;
/** Milliseconds between two publications of counts that have not changed. */
const REFRESH_MS = 10_000;
/** Topics of one call to the store. */
const CHUNK = 200;

/** Publishes how many connections each topic has in this process, for topics with `presence: true`. */
export interface Presence {
  onCount(tenantId: string, topic: LiveTopic): void;
  /** Publishes the counts that have changed, and from time to time all of them. */
  flush(nowMs: number): Promise<void>;
  /** Publishes counts of 0. */
  clear(): Promise<void>;
}

export function createPresence(store: OpenStore, roster: () => Roster): Presence {
  // By tenant: topics to publish.
  const dirty = new Map<string, Set<string>>();
  let refreshAt = 0;

  function mark(tenantId: string, topic: LiveTopic): void {
    if (topic.definition.presence !== true) return;
    const names = dirty.get(tenantId) ?? new Set<string>();
    dirty.set(tenantId, names.add(topic.name));
  }

  async function publish(tenantId: string, names: Iterable<string>, countOf: (name: string) => number): Promise<void> {
    const all = [...names];
    try {
      for (let i = 0; i < all.length; i += CHUNK) {
        // Counted when they are sent: a later publication may have overtaken this one.
        const counts = all.slice(i, i + CHUNK).map((topic) => ({ topic, count: countOf(topic) }));
        await store.setPresence(tenantId, counts, TTL_MS);
      }
    } catch (error) {
      // The next refresh repeats it.
      storeFail.publish(() => ({ tenantId, operation: "presence", error }));
    }
  }

  function markAll(): void {
    for (const tenant of roster().tenants.values())
      for (const topic of tenant.topics.values()) mark(tenant.tenantId, topic);
  }

  async function publishDirty(countOf: (tenantId: string, name: string) => number): Promise<void> {
    const due = [...dirty];
    dirty.clear();
    await Promise.all(due.map(([tenantId, names]) => publish(tenantId, names, (name) => countOf(tenantId, name))));
  }

  return {
    onCount: mark,
    async flush(nowMs) {
      if (nowMs >= refreshAt) {
        refreshAt = nowMs + REFRESH_MS;
        markAll();
      }
      await publishDirty((tenantId, name) => roster().tenants.get(tenantId)?.topics.get(name)?.connections.size ?? 0);
    },
    async clear() {
      markAll();
      await publishDirty(() => 0);
    },
  };
}
