/** Scenarios that the tests of this package share with the proofs. Private: not built and not published. */
export { attack, flood } from "./adversary.js";
export { killOneMaster } from "./cluster-run.js";
export { worstIn } from "./exact-log.js";
export { FAULTS } from "./fault-list.js";
export { latencies, type Observed, startFaultLoad, wrong } from "./fault-load.js";
export { countsOf, pass, refusedPart, suffer, type Suffered } from "./fault-run.js";
export { startFaultStage, TIMEOUT_MS } from "./fault-stage.js";
export { keysOf, memoryUse } from "./memory.js";
export { ALGORITHMS, startRacers, stillRule } from "./race.js";
