import { InputError, type RateLimitRule } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** A request cannot be counted: its subject has no id of the kind that a rule counts. Answer with `status`, 400. */
export class SubjectError extends InputError {
  /** `tenant`, `user`, `ip`, or the name of a key of the subject. */
  readonly by: string;

  constructor(name: string, { by }: RateLimitRule) {
    super(
      `rule ${describeValue(name)}: expected a subject with ${OPTIONS.get(by) ?? `the key ${describeValue(by)}`}, got one without`,
      { code: "SCALE_SUBJECT" },
    );
    this.by = by;
  }
}

const OPTIONS: ReadonlyMap<string, string> = new Map([
  ["tenant", "a tenantId"],
  ["user", "a userId"],
  ["ip", "an address"],
]);
