export { degradationGuard, type DegradationOptions } from "./degradation/guard.js";
export type { DegradationHealth, FlagsHealth } from "./degradation/health.js";
export type {
  CircuitMode,
  CircuitSnapshot,
  ControlAuthor,
  ControlledBreaker,
  ControlledBreakers,
  ControlledCircuit,
  ControlledFlags,
  FlagRequest,
} from "./degradation/sources.js";
export { isProbe } from "./exempt.js";
export { shedGuard, type ShedGuardOptions } from "./guard.js";
