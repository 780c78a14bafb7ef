export { isExempt } from "./exempt.js";
export { shedGuard, type ShedGuardOptions } from "./guard.js";
