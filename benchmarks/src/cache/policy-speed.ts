import { createMemory, type Entry } from "@scale/cache/scenarios";
import { type Bound, compareAll, type Line, type Measured, seededRandom } from "@scale/testkit";
import { LRUCache } from "lru-cache";
import { line } from "../gate.js";
import { bytesFor, ENTRY, keyOf, NAMESPACE } from "./caches.js";

const SEED = 20_261_120;
const TTL_MS = 600_000;
const PREPARED = 1 << 14;
const PEER = "lru-cache with ttl";
/** Expires so late that the expiry is tracked and never reached. */
const expiring: Entry = { ...ENTRY, usableUntil: Number.MAX_SAFE_INTEGER };

/** The cost of an operation in memory, compared with a cache without tenants, byte limits and scan resistance. */
export async function* speed(smoke: boolean): AsyncIterable<Line> {
  const rounds = smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 25, warmup: 3, durationMs: 60 };
  const hits = await compareAll(hitVariants(), rounds);
  yield resultOf("a hit among 1,000 keys", hits.ours, { side: hits.peer, name: PEER, gate: { atLeast: 0.6 } });
  yield resultOf("a hit among 1,000 keys", hits.ours, { side: hits.map, name: "a Map" });
  const writes = await compareAll(writeVariants(), rounds);
  yield resultOf("a write that evicts, 50,000 entries", writes.ours, { side: writes.peer, name: PEER });
}

function hitVariants() {
  const next = { ours: keys(1000), peer: keys(1000), map: keys(1000) };
  const partition = createMemory({ maxBytes: bytesFor(2000) }).tenant("acme");
  const peer = new LRUCache<string, object>({ max: 2000, ttl: TTL_MS });
  const map = new Map<string, object>();
  for (let key = 0; key < 1000; key++) {
    partition.set(NAMESPACE, keyOf(key), expiring);
    peer.set(keyOf(key), expiring);
    map.set(keyOf(key), expiring);
  }
  return {
    ours: () => partition.get(NAMESPACE, next.ours()),
    peer: () => peer.get(next.peer()),
    map: () => map.get(next.map()),
  };
}

function writeVariants() {
  const next = { ours: keys(1_000_000), peer: keys(1_000_000) };
  const partition = createMemory({ maxBytes: bytesFor(50_000) }).tenant("acme");
  const peer = new LRUCache<string, object>({ max: 50_000, ttl: TTL_MS });
  return {
    ours: () => partition.set(NAMESPACE, next.ours(), expiring),
    peer: () => void peer.set(next.peer(), expiring),
  };
}

/** Keys that are created before the measurement, in the same order for all caches. */
function keys(among: number): () => string {
  const random = seededRandom(SEED);
  const count = among > PREPARED ? PREPARED * 16 : PREPARED;
  const list = Array.from({ length: count }, () => keyOf(Math.floor(random() * among)));
  let at = 0;
  return () => list[at++ & (count - 1)] as string;
}

interface Against {
  readonly side: Measured;
  readonly name: string;
  readonly gate?: Bound;
}

function resultOf(bench: string, ours: Measured, { side, name, gate }: Against): Line {
  return line({
    bench: `cache: ${bench}`,
    unit: "ns",
    ours: 1e9 / ours.opsPerSecond,
    peer: 1e9 / side.opsPerSecond,
    against: name,
    ratio: side.ratio / ours.ratio,
    gate,
  });
}
