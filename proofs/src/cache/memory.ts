import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createCache } from "@scale/cache";
import type { Line, SectionOptions } from "@scale/testkit";
import { line } from "../bound.js";

const MEBIBYTE = 2 ** 20;
const MAX_MEBIBYTES = 32;
const KEYS = 3;

interface Row {
  readonly id: string;
  readonly of: string;
  readonly note: string;
}

/** The memory use with a hundred thousand tenants of three keys each, which do not all fit. */
export async function* memory({ smoke }: SectionOptions): AsyncIterable<Line> {
  const tenants = smoke ? 2000 : 100_000;
  const maxBytes = MAX_MEBIBYTES * MEBIBYTE;
  const before = heapUsed();
  const cache = createCache({ memory: { maxBytes } });
  const row = cache.define<string, Row>({
    ...{ name: "row", key: (id) => id, ttl: "1h" },
    load: (id, { tenantId }) => ({ id, of: tenantId, note: "x".repeat(150) }),
  });
  let [most, wrong] = [0, 0];
  for (let i = 0; i < tenants; i++) {
    const tenant = cache.tenant(`tenant-${i}`);
    for (let key = 0; key < KEYS; key++) {
      const value = await tenant.get(row, `${key}`);
      if (value.of !== `tenant-${i}` || value.id !== `${key}`) wrong++;
    }
    most = Math.max(most, cache.stats().memory.bytes);
  }
  const growth = heapUsed() - before;
  const { entries } = cache.stats().memory;
  const about = `cache: ${tenants} tenants x ${KEYS} keys, memory of ${MAX_MEBIBYTES} MiB`;
  yield line({ proof: `${about}, values of another`, unit: "values", value: wrong, bound: { atMost: 0 } });
  yield line({ proof: `${about}, kept at the end`, unit: "entries", value: entries, bound: { atLeast: 1000 } });
  const atMost = MAX_MEBIBYTES;
  yield line({ proof: `${about}, most bytes counted`, unit: "MiB", value: most / MEBIBYTE, bound: { atMost } });
  yield line({ proof: `${about}, heap growth`, unit: "MiB", value: growth / MEBIBYTE, bound: { atMost: 2 * atMost } });
  await cache.close();
}

/** The longest block of the event loop by clearing a tenant with very many keys in memory. */
export async function* clears({ smoke }: SectionOptions): AsyncIterable<Line> {
  const keys = smoke ? 2000 : 100_000;
  const longest: number[] = [];
  for (let round = 0; round < (smoke ? 1 : 9); round++) longest.push(await longestBlock(keys));
  const median = longest.toSorted((a, b) => a - b)[longest.length >> 1] ?? Number.NaN;
  yield line({
    proof: `cache: a tenant with ${keys} keys is cleared x ${longest.length}, longest block of the loop, median`,
    unit: "ms",
    value: median,
    bound: { atMost: 2 },
  });
}

/** The longest of the clear and of a hundred reads after it, which also purge cleared entries. Each is timed alone. */
async function longestBlock(keys: number): Promise<number> {
  const cache = createCache({ memory: { maxBytes: 1024 * MEBIBYTE } });
  const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1h", load: (id: string) => ({ id }) });
  const acme = cache.tenant("acme");
  for (let i = 0; i < keys; i++) await acme.get(row, `${i}`);
  if (cache.stats().memory.entries !== keys) throw new Error("the tenant does not have all keys in memory");
  // Collects the garbage of the filling before the measurement.
  heapUsed();
  let longest = await timeMs(() => acme.clear());
  for (let i = 0; i < 100; i++) longest = Math.max(longest, await timeMs(() => acme.get(row, `again-${i}`)));
  await cache.close();
  return longest;
}

/** CPU time bounds the elapsed time, so that time given to other programs of the machine does not count. */
async function timeMs(act: () => Promise<unknown>): Promise<number> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await act();
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(elapsed, (user + system) / 1000);
}

let collect: (() => void) | undefined;

function heapUsed(): number {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}
