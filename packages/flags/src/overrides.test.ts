import { describe, expect, it } from "vitest";
import { flagsWith } from "../test/flags-with.js";
import { bool, defineFlags, int } from "./index.js";

const definitions = defineFlags({ checkout: bool({ default: false }), pageSize: int({ default: 50, max: 200 }) });

describe("override", () => {
  it("holds for the work it runs and everything that work starts, and for no other request", async () => {
    const flags = await flagsWith(definitions, {});
    const inside = flags.override({ checkout: true }, async () => {
      await new Promise(setImmediate);
      return flags.explain("checkout");
    });
    const outside = flags.get("checkout");
    expect([await inside, outside]).toMatchObject([{ value: true, reason: "OVERRIDE" }, false]);
    expect(flags.get("checkout")).toBe(false);
    await flags.close();
  });

  it("adds to the override around it", async () => {
    const flags = await flagsWith(definitions, {});
    const values = flags.override({ checkout: true, pageSize: 1 }, () =>
      flags.override({ pageSize: 2 }, () => [flags.get("checkout"), flags.get("pageSize")]),
    );
    expect(values).toEqual([true, 2]);
    await flags.close();
  });

  it("reaches prerequisites, and loses to a kill switch", async () => {
    const flags = await flagsWith(definitions, {
      pageSize: { requires: [{ flag: "checkout" }], rules: [{ value: 9 }] },
    });
    expect(flags.override({ checkout: true }, () => flags.get("pageSize"))).toBe(9);
    await flags.kill("checkout", { by: "test" });
    expect(flags.override({ checkout: true }, () => [flags.get("checkout"), flags.get("pageSize")])).toEqual([
      false,
      50,
    ]);
    await flags.close();
  });

  it("refuses unknown flags and impossible values before the work begins", async () => {
    const flags = await flagsWith(definitions, {});
    for (const values of [{ nope: true }, { pageSize: 201 }, { checkout: "true" }, JSON.parse('{"__proto__":true}')]) {
      expect(() => flags.override(values as { checkout?: boolean }, () => expect.unreachable())).toThrow(/override/);
    }
    await flags.close();
  });
});
