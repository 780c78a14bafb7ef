import { createMemory, type Memory } from "@scale/cache/scenarios";
import { type Line, seededRandom } from "@scale/testkit";
import { bytesFor, ENTRY, keyOf, NAMESPACE, plainLru } from "./caches.js";
import { points } from "./hit-ratio-line.js";
import { zipf } from "./traces.js";

const SEED = 20_261_120;
const ENTRIES = 10_000;

/** The hit ratio of a tenant beside other tenants. Every run gives the same figures. */
export function* neighbours(smoke: boolean): Iterable<Line> {
  yield noisy(smoke ? 10_000 : 1_000_000);
  yield many(smoke ? 10_000 : 1_000_000);
}

/** One tenant requests 20,000 keys. Another makes nine times as many requests, each for a new key. */
function noisy(requests: number): Line {
  const random = seededRandom(SEED);
  const rank = zipf(1, 20_000, random);
  const memory = createMemory({ maxBytes: bytesFor(ENTRIES) });
  const lru = plainLru(ENTRIES);
  const hits = { ours: 0, peer: 0, of: 0 };
  for (let i = 0, once = 20_000; i < requests; i++) {
    const isQuiet = random() < 0.1;
    const key = isQuiet ? rank() : once++;
    const ours = ask(memory, isQuiet ? "quiet" : "noisy", key);
    const peer = lru(key);
    if (!isQuiet) continue;
    hits.of++;
    if (ours) hits.ours++;
    if (peer) hits.peer++;
  }
  return points({
    bench: "cache: hit ratio of a quiet tenant beside a noisy one",
    ours: hits.ours / hits.of,
    peer: hits.peer / hits.of,
    atLeast: 20,
  });
}

/** 20,000 tenants with 3 keys each, whose traffic differs widely, in a memory for a third of them. */
function many(requests: number): Line {
  const tenant = zipf(1, 20_000, seededRandom(SEED));
  const memory = createMemory({ maxBytes: (bytesFor(3) + 2) * 6_667 });
  const lru = plainLru(20_000);
  const hits = { ours: 0, peer: 0 };
  for (let i = 0; i < requests; i++) {
    const rank = tenant();
    const key = rank * 3 + (i % 3);
    if (ask(memory, keyOf(rank), key)) hits.ours++;
    if (lru(key)) hits.peer++;
  }
  const [ours, peer] = [hits.ours / requests, hits.peer / requests];
  return points({ bench: "cache: hit ratio of 20,000 tenants with 3 keys each", ours, peer });
}

function ask(memory: Memory, tenantId: string, key: number): boolean {
  const partition = memory.tenant(tenantId);
  const text = keyOf(key);
  if (partition.get(NAMESPACE, text) !== undefined) return true;
  partition.set(NAMESPACE, text, ENTRY);
  return false;
}
