import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { flagsWith } from "../test/flags-with.js";
import { bool, defineFlags, type FlagRule, type FlagSettings, type FlagSubject } from "./index.js";

// Unleash's own cases for its gradual rollouts, with its strategies written as rules of ours.
const SPECIFICATIONS = [
  "03-gradual-rollout-user-id-strategy",
  "04-gradual-rollout-session-id-strategy",
  "05-gradual-rollout-random-strategy",
  "10-flexible-rollout-strategy",
  "12-custom-stickiness",
];

interface Strategy {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Facts of a case by name: those of Unleash itself, and those under `properties`. */
type Context = Readonly<Record<string, string>>;

interface Specification {
  readonly state: {
    readonly features: readonly {
      readonly name: string;
      readonly enabled: boolean;
      readonly strategies: readonly Strategy[];
    }[];
  };
  readonly tests: readonly {
    readonly description: string;
    readonly context: { readonly userId?: string; readonly sessionId?: string; readonly properties?: Context };
    readonly toggleName: string;
    readonly expectedResult: boolean;
  }[];
}

const require = createRequire(import.meta.url);
const folder = require.resolve("@unleash/client-specification/package.json");
const load = (name: string): Specification =>
  JSON.parse(readFileSync(new URL(`specifications/${name}.json`, `file://${folder}`), "utf8")) as Specification;

const subjectOf = ({ userId, ...attributes }: Context): FlagSubject => ({ userId, attributes });

/** "default" goes by the user, then by the session, then by chance: then only the shares 0 and 100 are defined. */
function stickinessOf(name: string, context: Context): string | undefined {
  if (name !== "default") return name;
  return ["userId", "sessionId"].find((each) => Object.hasOwn(context, each));
}

function ruleOf({ name, parameters = {} }: Strategy, context: Context): FlagRule<boolean> | undefined {
  const percent = Number(parameters["rollout"] ?? parameters["percentage"]);
  const by: Readonly<Record<string, string>> = {
    gradualRolloutUserId: "userId",
    gradualRolloutSessionId: "sessionId",
    gradualRolloutRandom: "default",
    flexibleRollout: parameters["stickiness"] ?? "default",
  };
  if (name === "default") return {};
  const field = stickinessOf(by[name] ?? name, context);
  if (field === undefined) return percent === 100 ? {} : undefined;
  return { percent, by: field === "userId" ? "user" : { attribute: field } };
}

function settingsOf(strategies: readonly Strategy[], context: Context): FlagSettings {
  const rules = strategies.flatMap((strategy) => ruleOf(strategy, context) ?? []);
  const salt = strategies.map(({ parameters }) => parameters?.["groupId"]).find((group) => group !== undefined);
  return { rules, ...(salt !== undefined && { salt }) };
}

const cases = SPECIFICATIONS.flatMap((name) => {
  const { state, tests } = load(name);
  return tests.map(({ context: { properties, ...own }, ...test }) => {
    const context: Context = { ...(own as Context), ...properties };
    return { ...test, context, feature: state.features.find((each) => each.name === test.toggleName) };
  });
});

describe("gradual rollouts of the Unleash client specification", () => {
  it("are 31 cases", () => {
    expect(cases).toHaveLength(31);
  });

  it.each(cases)("$description ($toggleName)", async ({ context, toggleName, expectedResult, feature }) => {
    const { enabled = false, strategies = [] } = feature ?? {};
    const settings = { [toggleName]: { ...settingsOf(strategies, context), killed: !enabled } };
    const flags = await flagsWith(defineFlags({ [toggleName]: bool({ default: false }) }), settings);
    expect(flags.get(toggleName, subjectOf(context))).toBe(expectedResult);
    await flags.close();
  });
});
