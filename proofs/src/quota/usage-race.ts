import type { Line, SectionOptions } from "@scale/testkit";
import { line } from "../bound.js";
import type { UsageServers } from "./usage-servers.js";

const PROCESSES = 4;
const RESERVES = 100;
const LIMIT = 40;

/** Do 100 concurrent reservations get exactly the free room? */
export async function* race({ pool: startPool }: UsageServers, { smoke }: SectionOptions): AsyncIterable<Line> {
  const rounds = smoke ? 2 : 50;
  const pool = await startPool(PROCESSES);
  let beyond = 0;
  let short = 0;
  for (let round = 0; round < rounds; round++) {
    const calls = { what: "reserve", metric: `race-${round}`, asks: RESERVES / PROCESSES, units: 1, max: LIMIT };
    const admitted = (await pool.all(calls)).reduce((sum, one) => sum + one.admitted, 0);
    beyond += Math.max(0, admitted - LIMIT);
    short += Math.max(0, LIMIT - admitted);
  }
  await pool.close();
  const about = `quota: ${RESERVES} reservations at once in ${PROCESSES} processes with room for ${LIMIT}, ${rounds} rounds`;
  yield line({ proof: `${about}, admitted beyond`, unit: "reservations", value: beyond, bound: { atMost: 0 } });
  yield line({ proof: `${about}, refused in spite of room`, unit: "reservations", value: short, bound: { atMost: 0 } });
}
