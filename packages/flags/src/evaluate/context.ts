import type { Clock } from "@scale/core";
import type { Verdict } from "../document/compiled.js";

/** Facts about the process that an evaluation needs besides the rules and the subject. */
export interface EvaluationContext {
  readonly clock: Clock;
  planOf(tenantId: string): string | undefined;
  /** Value that this request set for a flag. */
  overrideOf(key: string): Verdict | undefined;
  isStale(): boolean;
}
