export { OverloadError } from "./errors.js";
export {
  type BrakeChanged,
  brakeChange,
  type CircuitSet,
  circuitSet,
  type LimitChanged,
  limitChange,
  type RequestShed,
  requestShed,
} from "./events.js";
export type { ShedderOptions } from "./options.js";
export { createShedder, type Shedder } from "./shedder.js";
export type {
  Admission,
  AdmitRequest,
  Admitted,
  Refused,
  RefusalReason,
  RequestPriority,
  ShedLevel,
  ShedStats,
  TenantShare,
} from "./types.js";
