/** Scenarios that the tests of this package share with the proofs and benchmarks. Private: not built and not published. */
export { createDatabase, rowOf, sleep } from "./database.js";
export {
  BOUND_MS,
  CUTS,
  endedDuringOutage,
  lostMessages,
  type Outage,
  type OutageFault,
  stalledReads,
  startFaults,
  TIMEOUT_MS,
} from "./faults.js";
export { type Node, startNode, untilServed } from "./node.js";
export type { Ask } from "./process.worker.js";
export { endedDuringLoad, type Raced, type RaceOptions, readRightAfter, setDuringLoad, WAY_NAMES } from "./races.js";
export { createMemory } from "../src/memory/create-memory.js";
export type { Memory } from "../src/memory/memory.js";
export type { Entry } from "../src/memory/types.js";
