import { type Line, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import { change, TENANT, type UsageServers } from "./usage-servers.js";

const HOLD_MS = 1500;
const FLUSH_EVERY_MS = 200;

/** What is left of a process that is killed? */
export async function* crashes(servers: UsageServers): AsyncIterable<Line> {
  yield* afterReserve(servers);
  yield* afterCommit(servers);
}

/** A process holds all room and dies before it commits. */
async function* afterReserve({ start, pool: startPool }: UsageServers): AsyncIterable<Line> {
  const [store, pool] = [start(60_000), await startPool(1)];
  await pool.one(0, { what: "reserve", metric: "crash", asks: 10, units: 10, max: 100, ttlMs: HOLD_MS });
  const heldAt = performance.now();
  await pool.kill(0);
  const reserve = () =>
    store.reserve({ tenantId: TENANT, id: "next", ttlMs: 60_000, changes: [change("crash", 100, 100)] });
  const isTaken = !(await reserve()).admitted;
  await waitUntil(async () => (await reserve()).admitted, { what: "the room of the dead process", everyMs: 5 });
  const afterMs = performance.now() - heldAt - HOLD_MS;
  await Promise.all([pool.close(), store.close()]);
  const about = "quota: SIGKILL between reserve and commit";
  yield line({ proof: `${about}, still held then`, unit: "holds", value: isTaken ? 10 : 0, bound: { atLeast: 10 } });
  yield line({
    proof: `${about}, all free after the hold's time by`,
    unit: "ms",
    value: afterMs,
    bound: { atMost: 250 },
  });
}

/** A process dies before it flushes its usage to the ledger. */
async function* afterCommit({ start, pool: startPool, written }: UsageServers): AsyncIterable<Line> {
  const pool = await startPool(1, "with ledger");
  await pool.one(0, { what: "use", metric: "unwritten", asks: 30, units: 1, max: 100 });
  await pool.kill(0);
  const killedAt = performance.now();
  const store = start(FLUSH_EVERY_MS);
  await waitUntil(async () => (await written("unwritten")) >= 30, { what: "another process flushes it" });
  const tookMs = performance.now() - killedAt;
  await Promise.all([pool.close(), store.close()]);
  const about = "quota: SIGKILL between commit and the writing to the ledger";
  const missing = Math.abs(30 - (await written("unwritten")));
  yield line({ proof: `${about}, units that the ledger lacks`, unit: "units", value: missing, bound: { atMost: 0 } });
  yield line({
    proof: `${about}, written by another process within`,
    unit: "ms",
    value: tookMs,
    bound: { atMost: 5000 },
  });
}
