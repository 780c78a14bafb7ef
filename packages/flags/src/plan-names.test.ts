import { createPlanResolver, saas4 } from "@scale/core";
import { expect, it } from "vitest";
import { flagsWith } from "../test/flags-with.js";
import { bool, defineFlags, planNames } from "./index.js";

it("planNames finds the plan that the resolver has in memory, and looks others up for the next evaluation", async () => {
  const lookup = async (tenantId: string): Promise<string> => {
    if (tenantId === "broken") throw new Error("no database");
    return "enterprise";
  };
  const resolver = createPlanResolver({ plans: saas4, lookup });
  const definitions = defineFlags({ sso: bool({ default: false }) });
  const flags = await flagsWith(
    definitions,
    { sso: { rules: [{ plans: ["enterprise"] }] } },
    { planOf: planNames(resolver) },
  );
  expect(flags.explain("sso", { tenantId: "acme" })).toMatchObject({ value: false, rules: [{ result: "plan" }] });
  await expect.poll(() => flags.get("sso", { tenantId: "acme" })).toBe(true);
  // A look-up that fails is no unhandled rejection.
  expect(flags.get("sso", { tenantId: "broken" })).toBe(false);
  await new Promise(setImmediate);
  expect(flags.get("sso", { tenantId: "broken" })).toBe(false);
  await flags.close();
});
