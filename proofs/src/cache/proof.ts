import type { Line, SectionOptions } from "@scale/testkit";
import { clears, memory } from "./memory.js";
import { outages, stops } from "./outages.js";
import { processes } from "./processes.js";
import { races } from "./races.js";
import { tenants } from "./tenants.js";

const PARTS = { processes, races, outages, stops, tenants, memory, clears };

/** Names of the parts to run: `SCALE_PROOF_PARTS=races,clears npm run proof cache`. */
const wanted = process.env["SCALE_PROOF_PARTS"]?.split(",");

/** The cache loads a value once, serves no invalidated value and settles in time, in races, faults and attacks. */
export async function* cache(options: SectionOptions): AsyncIterable<Line> {
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted === undefined || wanted.includes(name)) yield* part(options);
  }
}
