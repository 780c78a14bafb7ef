import type { Line, SectionOptions } from "@scale/testkit";
import { clears, memory } from "./memory.js";
import { outages, stops } from "./outages.js";
import { processes } from "./processes.js";
import { races } from "./races.js";
import { tenants } from "./tenants.js";

const PARTS = { processes, races, outages, stops, tenants, memory, clears };

/** Only these of the parts above run: `SCALE_PROOF_PARTS=races,clears npm run proof cache`. */
const wanted = process.env["SCALE_PROOF_PARTS"]?.split(",");

/** Does a cache load once, forget what was invalidated, and answer in time, whatever fails and whoever asks? */
export async function* cache(options: SectionOptions): AsyncIterable<Line> {
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted === undefined || wanted.includes(name)) yield* part(options);
  }
}
