export { type Algorithm, capacity, type MutableState, type State } from "./algorithms/algorithm.js";
export { algorithmOf } from "./algorithms/algorithm-of.js";
export type {
  Charge,
  ConsumeRequest,
  ConsumeResult,
  HeldSlot,
  LateResult,
  RateLimitStore,
  RefundRequest,
  RuleStatus,
} from "./types.js";
