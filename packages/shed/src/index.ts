export { OverloadError } from "./errors.js";
export {
  type BrakeChanged,
  brakeChange,
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
  ShedStats,
  TenantShare,
} from "./types.js";
