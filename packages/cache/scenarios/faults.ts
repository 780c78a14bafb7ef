import { redisStall } from "@scale/core/redis";
import { waitUntil } from "@scale/testkit";
import { createDatabase, type Database, rowOf, sleep } from "./database.js";
import { type FaultProxy, gate, type Node, startFaultProxy, startNode, untilServed } from "./node.js";

export const BOUND_MS = 200;
export const TIMEOUT_MS = 100;
/** Rows of one fault. Each is invalidated at a moment of its own. */
const TOGETHER = 10;

/** Two processes: `near` has connections that fail on demand, `far` has connections that work. */
export interface FaultStage {
  readonly near: Node;
  readonly far: Node;
  readonly commands: FaultProxy;
  readonly bus: FaultProxy;
  readonly random: () => number;
  close(): Promise<void>;
}

interface FaultOptions {
  readonly prefix: string;
  readonly random: () => number;
  /** @default TIMEOUT_MS */
  readonly timeoutMs?: number;
}

export async function startFaults(
  url: string,
  { prefix, random, timeoutMs = TIMEOUT_MS }: FaultOptions,
): Promise<FaultStage> {
  const [commands, bus] = [await startFaultProxy(url), await startFaultProxy(url)];
  const options = { prefix, staleness: { bound: BOUND_MS }, timeoutMs };
  const near = startNode(commands.url, { ...options, busUrl: bus.url });
  const far = startNode(url, options);
  await untilServed(near, far);
  return {
    ...{ near, far, commands, bus, random },
    async close() {
      near.close();
      far.close();
      await Promise.all([commands.close(), bus.close()]);
    },
  };
}

/** A fault of a connection, and its end. */
export interface Cut {
  readonly name: string;
  begin(proxy: FaultProxy): Promise<void>;
  end(proxy: FaultProxy): Promise<void>;
}

export const CUTS: readonly Cut[] = [
  { name: "is cut", begin: async (proxy) => proxy.reset(), end: async () => undefined },
  { name: "is refused", begin: (proxy) => proxy.down(), end: (proxy) => proxy.up() },
  {
    name: "falls silent without an end",
    begin: async (proxy) => proxy.blackHole(),
    async end(proxy) {
      await proxy.up();
      proxy.reset();
    },
  },
  { name: "is held up", begin: async (proxy) => proxy.stall(), end: async (proxy) => proxy.unstall() },
];

/** G4: messages are lost. L1 may be stale by at most the bound, and a value kept meanwhile must not be served again later. */
export async function lostMessages(stage: FaultStage, cut: Cut, trials: number): Promise<string[]> {
  const { near, far, bus } = stage;
  const { database, mine, theirs, upTo, stale } = setUp(stage, `lost ${cut.name}`);
  await inRounds(trials, async (ids, round) => {
    await untilServed(near);
    await Promise.all(ids.map((id) => mine(id)));
    await cut.begin(bus);
    const late = ids.map(async (id) => {
      await sleep(upTo(40));
      const truth = database.change(id);
      await far.cache.tenant(theirs.tenantId).invalidate(theirs.row, id);
      // The bound is one of real time, and this margin is for a turn of the event loop.
      await sleep(BOUND_MS + 5);
      if ((await mine(id)) < truth) stale.push(`${id}: after the bound`);
    });
    await sleep(upTo(40));
    if (round % 2 === 0) await cut.end(bus);
    await Promise.all(late);
    if (round % 2 !== 0) await cut.end(bus);
    await untilServed(near);
    for (const id of ids) if ((await mine(id)) < database.now(id)) stale.push(`${id}: after recovery`);
  });
  return stale;
}

export interface Outage {
  readonly stale: string[];
  /** The states that the invalidations returned. */
  readonly states: ReadonlySet<string>;
  readonly slowestMs: number;
}

/** A fault that puts Redis out of reach of `near`, or of both processes. */
export interface OutageFault {
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** G5, G5b and G5c: rows are invalidated while Redis is out of reach. No process may bring the old values back. */
export async function endedDuringOutage(
  stage: FaultStage,
  { name, fault, trials }: { name: string; fault: OutageFault; trials: number },
): Promise<Outage> {
  const { near, far } = stage;
  const { database, mine, theirs, upTo, stale } = setUp(stage, `outage ${name}`);
  const states = new Set<string>();
  let slowestMs = 0;
  await inRounds(trials, async (ids) => {
    await untilServed(near, far);
    await Promise.all(ids.map((id) => mine(id)));
    await fault.begin();
    const during = ids.map(async (id, i) => {
      await sleep(upTo(30));
      const truth = database.change(id);
      const before = performance.now();
      const tenant = near.cache.tenant(theirs.tenantId);
      const { state } = await (i % 3 === 0
        ? tenant.invalidateTags([`of:${id}`])
        : tenant.invalidate(theirs.nearRow, id));
      slowestMs = Math.max(slowestMs, performance.now() - before);
      states.add(state);
      // A row that is not read now is in no L1 when Redis is back: the read asks Redis, which may still hold the old value.
      if (i % 2 === 0 && (await mine(id)) < truth) stale.push(`${id}: during the outage`);
    });
    await Promise.all(during);
    await sleep(upTo(100));
    await fault.end();
    const isSent = async (): Promise<boolean> => {
      for (const id of ids) if ((await mine(id)) < database.now(id)) stale.push(`${id}: before the queue was sent`);
      return near.cache.health().queuedInvalidations === 0;
    };
    await waitUntil(isSent, { what: "the queue is sent", timeoutMs: 10_000, everyMs: 2 });
    await untilServed(near, far);
    // For the message that follows what was sent.
    await sleep(30);
    for (const id of ids) {
      if ((await mine(id)) < database.now(id)) stale.push(`${id}: the process that invalidated`);
      if ((await theirs.read(id)) < database.now(id)) stale.push(`${id}: the other process`);
    }
  });
  return { stale, states, slowestMs };
}

/** Begin and end of one read, by `performance.now`. */
export interface Read {
  readonly from: number;
  readonly to: number;
}

/** G6: Redis stops answering at some moment of a read. */
export async function stalledReads(stage: FaultStage, trials: number): Promise<Read[]> {
  const { mine, upTo } = setUp(stage, "stalled");
  const reads: Read[] = [];
  const stall = watchStall();
  for (let i = 0; i < trials; i++) {
    const stalled = sleep(upTo(2)).then(() => stage.commands.stall());
    await sleep(upTo(2));
    const from = performance.now();
    await mine(`row-${i}`);
    reads.push({ from, to: performance.now() });
    await stalled;
    stage.commands.unstall();
    // The next one must find a server that answers: a read that is refused at once shows nothing.
    await stall.over();
  }
  stall.leave();
  return reads;
}

/** Resolves when a stalled server answers again. */
function watchStall(): { over(): Promise<void>; leave(): void } {
  let waits: { readonly over: Promise<void>; end(): void } | undefined;
  const leave = redisStall.subscribe(({ stalled }) => {
    if (!stalled) waits?.end();
    if (stalled) waits ??= open();
    else waits = undefined;
  });
  const open = (): typeof waits => {
    const { opened, open: end } = gate();
    return { over: opened, end };
  };
  return { over: async () => waits?.over, leave };
}

/** Reads one after the other while Redis is stalled: only the first can wait for it. */
export async function stalledOnce(stage: FaultStage, trials: number): Promise<number[]> {
  const { mine } = setUp(stage, "stalled once");
  const times: number[] = [];
  stage.commands.stall();
  for (let i = 0; i < trials; i++) {
    const before = performance.now();
    await mine(`row-${i}`);
    times.push(performance.now() - before);
  }
  stage.commands.unstall();
  return times;
}

interface SetUp {
  readonly database: Database;
  readonly mine: (id: string) => Promise<number>;
  readonly theirs: {
    readonly tenantId: string;
    readonly row: ReturnType<typeof rowOf>;
    readonly nearRow: ReturnType<typeof rowOf>;
    read(id: string): Promise<number>;
  };
  readonly upTo: (ms: number) => number;
  readonly stale: string[];
}

function setUp({ near, far, random }: FaultStage, tenantId: string): SetUp {
  const database = createDatabase(() => 0);
  const [nearRow, row] = [rowOf(near, database), rowOf(far, database)];
  return {
    database,
    mine: (id) => near.cache.tenant(tenantId).get(nearRow, id),
    theirs: { tenantId, row, nearRow, read: (id) => far.cache.tenant(tenantId).get(row, id) },
    upTo: (ms) => random() * ms,
    stale: [],
  };
}

async function inRounds(trials: number, run: (ids: readonly string[], round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round * TOGETHER < trials; round++) {
    await run(
      Array.from({ length: TOGETHER }, (_, i) => `row-${round * TOGETHER + i}`),
      round,
    );
  }
}
