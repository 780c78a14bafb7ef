import { startBento } from "../peers/bentocache.js";
import { startCacheManager } from "../peers/cache-manager.js";
import { startCacheable } from "../peers/cacheable.js";
import { startLayeredLoader } from "../peers/layered-loader.js";
import type { StartNode } from "../peers/node.js";
import { startOurs } from "../peers/ours.js";

export interface Contender {
  readonly name: string;
  readonly start: StartNode;
}

/** Without a connection ioredis queues commands. With this option they fail instead of waiting. */
const failFast = { maxRetriesPerRequest: 1 };

/** Our cache, and each peer as its documentation sets it up for several processes, also with its option against waiting. */
export const CONTENDERS: readonly Contender[] = [
  { name: "@scale/cache", start: (options) => startOurs({ ...options, timeoutMs: 50 }) },
  { name: "bentocache 1.6.1", start: startBento },
  {
    name: "bentocache 1.6.1, maxRetriesPerRequest 1",
    start: (options) => startBento({ ...options, client: failFast }),
  },
  { name: "cacheable 2.5.0", start: startCacheable },
  {
    name: "cacheable 2.5.0, nonBlocking",
    start: (options) => startCacheable({ ...options, nonBlocking: true }),
  },
  { name: "cache-manager 7.2.9", start: startCacheManager },
  { name: "layered-loader 14.2.2", start: startLayeredLoader },
  {
    name: "layered-loader 14.2.2, maxRetriesPerRequest 1",
    start: (options) => startLayeredLoader({ ...options, client: failFast }),
  },
];
