import { type Line, type SectionOptions, seededRandom, startRedis } from "@scale/testkit";
import { type Node, startNode, untilServed } from "@scale/cache/scenarios";
import { line } from "../bound.js";

const SEED = 20_261_120;
/** Strings with a meaning in Redis patterns, keys and scripts, and strings that look like escapes. */
const SIGNS = ["*", "?", "[a]", "a", ":", "{", "}", "%", "%3a", "\\", "\u0001", "|", "~", "e:", "g", "é", " "] as const;

interface Owned {
  readonly tenantId: string;
  readonly id: string;
}

/** Each tenant reads and clears only its own values, in Redis and in memory, whatever its id contains. */
export async function* tenants({ smoke }: SectionOptions): AsyncIterable<Line> {
  const rounds = smoke ? 5 : 300;
  const server = await startRedis();
  const one = { prefix: "tenants", staleness: { bound: "10s" }, timeoutMs: 5000 } as const;
  const [near, far] = [startNode(server.url, one), startNode(server.url, one)];
  const random = seededRandom(SEED);
  const wrong = { seen: 0, cleared: 0, left: 0 };
  try {
    await untilServed(near, far);
    for (let round = 0; round < rounds; round++) {
      const found = await clearOne([near, far], round, random);
      for (const kind of ["seen", "cleared", "left"] as const) wrong[kind] += found[kind];
    }
  } finally {
    near.close();
    far.close();
    await server.stop();
  }
  const about = `cache: tenants with hostile ids, one of ten cleared x ${rounds} (seed ${SEED})`;
  yield line({ proof: `${about}, values of others seen`, unit: "values", value: wrong.seen, bound: { atMost: 0 } });
  yield line({ proof: `${about}, values of others ended`, unit: "values", value: wrong.cleared, bound: { atMost: 0 } });
  yield line({ proof: `${about}, own values left`, unit: "values", value: wrong.left, bound: { atMost: 0 } });
}

/** One round: ten tenants, the first of which is `*`, with five keys each. Both processes have all values in memory. */
async function clearOne([near, far]: readonly [Node, Node], round: number, random: () => number) {
  const text = (): string =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => SIGNS[Math.floor(random() * SIGNS.length)]).join("");
  const tenantIds = [...new Set(["*", ...Array.from({ length: 9 }, text)])];
  const ids = [...new Set(Array.from({ length: 5 }, text))];
  const all = tenantIds.flatMap((tenantId) => ids.map((id) => ({ tenantId, id })));
  const cleared = tenantIds[round % 2 === 0 ? 0 : Math.floor(random() * tenantIds.length)] ?? "*";
  const before = await readAll([near, far], round, { all, mark: "before" });
  const { state } = await near.cache.tenant(cleared).clear();
  if (state !== "applied") throw new Error(`clear: ${state}`);
  // The clear applies at once in its own process. Values of other tenants come from memory or from Redis.
  const after = await readAll([near], round, { all, mark: "after" });
  const valueOf = ({ tenantId, id }: Owned, mark: string): string => JSON.stringify([tenantId, id, mark]);
  const wrongOf = (owned: Owned, i: number): boolean => before[i] !== valueOf(owned, "before");
  const others = all.map((owned, i) => ({ owned, value: after[i] })).filter(({ owned }) => owned.tenantId !== cleared);
  return {
    seen: all.filter(wrongOf).length,
    cleared: others.filter(({ owned, value }) => value !== valueOf(owned, "before")).length,
    left: all.filter((owned, i) => owned.tenantId === cleared && after[i] !== valueOf(owned, "after")).length,
  };
}

/** Reads all values in one process after the other. @returns the values that the last process read */
async function readAll(
  nodes: readonly Node[],
  round: number,
  { all, mark }: { all: readonly Owned[]; mark: string },
): Promise<string[]> {
  let values: string[] = [];
  for (const { cache } of nodes) {
    const row = cache.define<string, string>({
      // Each round has its own name, so that it starts without entries.
      ...{ name: `row-${round}`, key: (id) => id, ttl: "10m" },
      load: (id, { tenantId }) => JSON.stringify([tenantId, id, mark]),
    });
    values = await Promise.all(all.map(({ tenantId, id }) => cache.tenant(tenantId).get(row, id)));
  }
  return values;
}
