import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { flagsWith } from "../test/flags-with.js";
import { bool, defineFlags, flagExpose, oneOf } from "./index.js";

const definitions = defineFlags({
  checkout: bool({ default: false }),
  plain: bool({ default: false }),
  color: oneOf(["red", "blue"], { default: "red" }),
});
const settings = {
  plain: { rules: [{}] },
  checkout: { rules: [{ percent: 100 }] },
  color: { rules: [{ variants: [{ name: "b", weight: 1, value: "blue" }] }] },
};

function collect(): { readonly seen: unknown[][]; end(): void } {
  const seen: unknown[][] = [];
  const end = flagExpose.subscribe(({ tenantId, flag, variant, dropped }) =>
    seen.push([tenantId, flag, variant, dropped]),
  );
  return { seen, end };
}

describe("exposures", () => {
  it("are published once in a minute for each flag and variant of a tenant, and for splits only", async () => {
    const clock = createManualClock();
    const flags = await flagsWith(definitions, settings, { clock });
    const { seen, end } = collect();
    const read = (): void => {
      for (const tenantId of ["acme", "globex"]) {
        for (const key of ["plain", "checkout", "color"] as const) flags.get(key, { tenantId });
      }
    };
    for (let i = 0; i < 100; i++) read();
    flags.explain("checkout", { tenantId: "initech" });
    clock.advance(59_999);
    read();
    const once = [
      ["acme", "checkout", undefined, 0],
      ["acme", "color", "b", 0],
      ["globex", "checkout", undefined, 0],
      ["globex", "color", "b", 0],
    ];
    expect(seen).toEqual(once);
    clock.advance(1);
    read();
    end();
    expect(seen).toEqual([...once, ...once]);
    await flags.close();
  });

  it("are bounded for one tenant and for all, and the next event says how many were dropped", async () => {
    const clock = createManualClock();
    const exposures = { maxPerTenant: 1, maxTenants: 2 };
    const flags = await flagsWith(definitions, settings, { clock, exposures });
    const { seen, end } = collect();
    flags.get("checkout", { tenantId: "acme" });
    flags.get("color", { tenantId: "acme" });
    flags.get("checkout", { tenantId: "globex" });
    flags.get("checkout", { tenantId: "initech" });
    clock.advance(60_000);
    flags.get("checkout", { tenantId: "acme" });
    end();
    expect(seen).toEqual([
      ["acme", "checkout", undefined, 0],
      ["globex", "checkout", undefined, 1],
      ["acme", "checkout", undefined, 1],
    ]);
    await flags.close();
  });
});
