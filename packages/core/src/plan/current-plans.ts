import { describeValue } from "../describe-value.js";
import { ConfigError } from "../errors.js";
import type { Plan, PlanAssignment, Plans } from "./types.js";

/** The plans in force, and the tests that other plans have to pass before they replace these. */
export interface CurrentPlans<Name extends string, Group extends string = string> {
  readonly plans: Plans<Name, Group>;
  /** @throws {PlanError} for an unknown name, and for overrides that make no valid plan */
  planOf(assignment: PlanAssignment): Plan<Name>;
  fallback(): Plan<Name> | undefined;
  check(test: (plans: Plans<Name, Group>) => void): () => void;
  /** @throws {ConfigError} and changes nothing, for plans that lack one in force or that a `check` refuses */
  replace(next: Plans<Name, Group>): void;
}

export function createCurrentPlans<Name extends string, Group extends string>(
  initial: Plans<Name, Group>,
  fallback: Name | undefined,
): CurrentPlans<Name, Group> {
  let plans = initial;
  const checks = new Set<(plans: Plans<Name, Group>) => void>();
  checkFallback(plans, fallback);
  return {
    get plans() {
      return plans;
    },
    planOf: (assignment) =>
      typeof assignment === "string" ? plans.resolve(assignment) : plans.resolve(assignment.plan, assignment.overrides),
    fallback: () => (fallback === undefined ? undefined : plans.resolve(fallback)),
    check(test) {
      test(plans);
      // A new function for each call: a test that is registered twice is removed once per registration.
      const check = (next: Plans<Name, Group>): void => test(next);
      checks.add(check);
      return () => {
        checks.delete(check);
      };
    },
    replace(next) {
      checkFallback(next, fallback);
      checkNames(plans, next);
      for (const check of checks) check(next);
      plans = next;
    },
  };
}

/** Tenants may be on any plan in force, so that none may disappear. */
function checkNames(plans: Plans, next: Plans): void {
  const lost = plans.names.filter((name) => next.find(name) === undefined);
  if (lost.length === 0) return;
  throw new ConfigError(`replace: expected the plans in force and their aliases, missing: ${lost.join(", ")}`);
}

function checkFallback(plans: Plans, fallback: string | undefined): void {
  if (fallback !== undefined && plans.find(fallback) === undefined) {
    throw new ConfigError(
      `createPlanResolver: fallback: unknown plan ${describeValue(fallback)}, known: ${plans.names.join(", ")}`,
    );
  }
}
