import { createManualClock } from "@scale/core/testing";
import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { flagsWith } from "../../test/flags-with.js";
import { bool, defineFlags, int, json, oneOf } from "../index.js";

const definitions = defineFlags({
  checkout: bool({ default: false }),
  base: bool({ default: false }),
  pageSize: int({ default: 50, min: 1, max: 200 }),
  theme: oneOf(["light", "dark"], { default: "light" }),
});

const acme = { tenantId: "acme", userId: "ann", plan: "pro" };

describe("a flag", () => {
  it("has its default without a document, and says so", async () => {
    const flags = await flagsWith(definitions, {});
    expect(flags.get("pageSize", acme)).toBe(50);
    expect(flags.explain("pageSize", acme)).toMatchObject({ value: 50, reason: "DEFAULT", rules: [] });
    await flags.close();
  });

  it.each([
    ["plans", { plans: ["pro"] }, { ...acme, plan: "free" }, "plan"],
    ["tenants", { tenants: ["acme"] }, { ...acme, tenantId: "globex" }, "tenant"],
    ["users", { users: ["ann"] }, { ...acme, userId: "bob" }, "user"],
    ["plans, for a subject without one", { plans: ["pro"] }, { tenantId: "acme" }, "plan"],
  ])("goes by the rule for its %s", async (_name, rule, other, failed) => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ id: "r", ...rule }] } });
    expect(flags.explain("checkout", acme)).toMatchObject({ value: true, reason: "TARGET", rule: "r" });
    expect(flags.explain("checkout", other)).toMatchObject({
      ...{ value: false, reason: "DEFAULT", rules: [{ rule: "r", result: failed }] },
    });
    await flags.close();
  });

  it.each(["plans", "tenants", "users"])("meets no rule with an empty list of %s", async (list) => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ [list]: [] }] } });
    expect(flags.get("checkout", acme)).toBe(false);
    await flags.close();
  });

  it.each([
    [{ attribute: "country", op: "in", values: ["DE", "AT"] }, "DE", "FR"],
    [{ attribute: "country", op: "not-in", values: ["DE"] }, "FR", "DE"],
    [{ attribute: "email", op: "ends-with", values: ["@acme.com"] }, "ann@acme.com", "ann@acme.com.evil"],
    [{ attribute: "version", op: "starts-with", values: ["2.", "3."] }, "3.1", "1.2."],
    [{ attribute: "seats", op: "at-least", value: 10 }, 10, 9],
    [{ attribute: "seats", op: "at-most", value: 10 }, 10, 11],
    [{ attribute: "beta", op: "in", values: [true] }, true, "true"],
  ] as const)("goes by the condition %j", async (condition, meets, fails) => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ where: [condition] }] } });
    const valueOf = (value: string | number | boolean): boolean =>
      flags.get("checkout", { attributes: { [condition.attribute]: value } });
    expect(valueOf(meets)).toBe(true);
    expect(valueOf(fails)).toBe(false);
    // Absent is neither in nor not in.
    expect(flags.get("checkout", acme)).toBe(false);
    await flags.close();
  });

  it("takes an attribute only from the subject itself", async () => {
    const where = [{ attribute: "constructor", op: "not-in", values: [""] } as const];
    const flags = await flagsWith(definitions, { checkout: { rules: [{ where }] } });
    expect(flags.get("checkout", { attributes: {} })).toBe(false);
    await flags.close();
  });

  it("has the value of the first rule that matches", async () => {
    const rules = [{ plans: ["pro"], value: 100 }, { value: 20 }];
    const flags = await flagsWith(definitions, { pageSize: { rules } });
    expect(flags.get("pageSize", acme)).toBe(100);
    expect(flags.explain("pageSize", { plan: "free" })).toMatchObject({ value: 20, rule: "rule-2" });
    await flags.close();
  });

  it("is decided in a fixed order: kill, prerequisite, deny, allow, rules", async () => {
    const all = {
      killed: true,
      requires: [{ flag: "base" }],
      deny: { tenants: ["acme"] },
      allow: { users: ["ann"] },
      rules: [{ value: false }],
    };
    const reasons: string[] = [];
    const { killed, requires, deny, allow, rules } = all;
    for (const checkout of [
      all,
      { requires, deny, allow, rules },
      { deny, allow, rules },
      { allow, rules },
      { rules },
    ]) {
      const flags = await flagsWith(definitions, { checkout });
      const { reason, value } = flags.explain("checkout", acme);
      reasons.push(`${reason} ${value}`);
      await flags.close();
    }
    expect(killed).toBe(true);
    expect(reasons).toEqual(["KILLED false", "PREREQUISITE false", "DENIED false", "ALLOWED true", "TARGET false"]);
  });

  it("has its off value, not its default, while it is killed", async () => {
    const on = defineFlags({ exports: bool({ default: true }), batch: int({ default: 10, off: 1 }) });
    const flags = await flagsWith(on, { exports: { killed: true }, batch: { killed: true } });
    expect([flags.get("exports"), flags.get("batch")]).toEqual([false, 1]);
    await flags.close();
  });

  it("meets a prerequisite by the value that the other flag has for the same subject", async () => {
    const settings = {
      base: { rules: [{ tenants: ["acme"] }] },
      theme: { rules: [{ value: "dark" }] },
      checkout: { requires: [{ flag: "base" }, { flag: "theme", is: "dark" }], rules: [{}] },
    };
    const flags = await flagsWith(definitions, settings);
    expect(flags.get("checkout", acme)).toBe(true);
    expect(flags.explain("checkout", { tenantId: "globex" })).toMatchObject({
      ...{ value: false, reason: "PREREQUISITE", detail: "requires base" },
    });
    await flags.close();
  });

  it("never meets a prerequisite that this process does not define", async () => {
    const flags = await flagsWith(definitions, { checkout: { requires: [{ flag: "newer" }], rules: [{}] } });
    expect(flags.explain("checkout", acme)).toMatchObject({
      ...{ value: false, reason: "PREREQUISITE", detail: "requires newer, which this process does not define" },
    });
    await flags.close();
  });

  it("takes the tenant and the user of tenancy when no subject is passed", async () => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ tenants: ["acme"] }] } });
    expect(flags.get("checkout")).toBe(false);
    expect(tenancy.run({ tenantId: "acme" }, () => flags.get("checkout"))).toBe(true);
    await flags.close();
  });

  it("asks planOf only for a subject without a plan", async () => {
    const asked: string[] = [];
    const planOf = (tenantId: string): string => (asked.push(tenantId), "pro");
    const flags = await flagsWith(definitions, { checkout: { rules: [{ plans: ["pro"] }] } }, { planOf });
    expect(flags.get("checkout", { tenantId: "acme" })).toBe(true);
    expect(flags.get("checkout", { tenantId: "acme", plan: "free" })).toBe(false);
    expect(asked).toEqual(["acme"]);
    await flags.close();
  });

  it("refuses a key that is not defined, also one that every object has", async () => {
    const flags = await flagsWith(definitions, {});
    for (const key of ["nope", "constructor", "__proto__"]) {
      expect(() => flags.get(key as "base")).toThrow(/expected a defined flag/);
    }
    await flags.close();
  });

  it("gives all readers one object that none of them can change", async () => {
    const limits = json(z.object({ rows: z.array(z.number()) }), { default: { rows: [1] } });
    const flags = await flagsWith(defineFlags({ limits }), { limits: { rules: [{ value: { rows: [2, 3] } }] } });
    const value = flags.get("limits", acme);
    expect(value).toBe(flags.get("limits", { tenantId: "globex" }));
    expect(() => value.rows.push(4)).toThrow(TypeError);
    await flags.close();
  });
});

describe("a rule in time", () => {
  const start = Date.parse("2026-12-01T00:00:00Z");
  const HOUR = 3_600_000;

  it("holds within its window, from its first millisecond to before its last", async () => {
    const clock = createManualClock(start);
    const rules = [{ from: "2026-12-01T01:00:00+01:00", until: "2026-12-01T02:00:00Z" }];
    const flags = await flagsWith(definitions, { checkout: { rules } }, { clock });
    const at = (ms: number): boolean => (clock.setWall(ms), flags.get("checkout", acme));
    expect([at(start - 1), at(start), at(start + 2 * HOUR - 1), at(start + 2 * HOUR)]).toEqual([
      ...[false, true, true, false],
    ]);
    await flags.close();
  });

  it("lets its share grow evenly between the points of a ramp, and loses no tenant on the way", async () => {
    const clock = createManualClock(start - 1);
    const percent = [
      { at: "2026-12-01T00:00:00Z", percent: 1 },
      { at: "2026-12-01T01:00:00Z", percent: 10 },
      { at: "2026-12-01T02:00:00Z", percent: 10 },
      { at: "2026-12-01T03:00:00Z", percent: 100 },
    ];
    const flags = await flagsWith(definitions, { checkout: { rules: [{ percent }] } }, { clock });
    const tenants = Array.from({ length: 2000 }, (_, i) => ({ tenantId: `t${i}` }));
    const percentAt = (): number | undefined => flags.explain("checkout", acme).rules[0]?.percent;
    expect(percentAt()).toBe(0);
    const seen: (number | undefined)[] = [];
    let before = new Set<string>();
    for (let step = 0; step <= 12; step++) {
      clock.setWall(start + step * HOUR * 0.25);
      seen.push(percentAt());
      const now = new Set(tenants.filter((each) => flags.get("checkout", each)).map(({ tenantId }) => tenantId));
      expect([...before].filter((tenant) => !now.has(tenant))).toEqual([]);
      before = now;
    }
    expect(seen).toEqual([1, 3.25, 5.5, 7.75, 10, 10, 10, 10, 10, 32.5, 55, 77.5, 100]);
    expect(before.size).toBe(tenants.length);
    await flags.close();
  });
});

describe("a percentage", () => {
  const tenants = Array.from({ length: 100_000 }, (_, i) => ({ tenantId: `tenant-${i}` }));

  it("has 9.8 to 10.2 % of 100,000 tenants at 10 %, and loses none of them up to 100 %", async () => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ percent: 10 }] } });
    let before = tenants.filter((tenant) => flags.get("checkout", tenant));
    expect(before.length).toBeGreaterThanOrEqual(9800);
    expect(before.length).toBeLessThanOrEqual(10_200);
    for (const percent of [10.001, 20, 50, 99.999, 100]) {
      await flags.set("checkout", { rules: [{ percent }] }, { by: "test" });
      const now = tenants.filter((tenant) => flags.get("checkout", tenant));
      expect(before.every((tenant) => flags.get("checkout", tenant))).toBe(true);
      expect(now.length).toBeGreaterThanOrEqual(before.length);
      before = now;
    }
    expect(before.length).toBe(tenants.length);
    await flags.close();
  });

  it("is never a matter of chance: without its key the flag has its default, and says which rule lacked it", async () => {
    const rules = [{ id: "half", percent: 50 }];
    const flags = await flagsWith(definitions, { checkout: { rules } });
    for (const subject of [{}, { tenantId: "" }, { userId: "ann" }]) {
      for (let i = 0; i < 20; i++) expect(flags.get("checkout", subject)).toBe(false);
      expect(flags.explain("checkout", subject)).toMatchObject({
        ...{ value: false, reason: "NO_KEY", rules: [{ rule: "half", result: "no-key", percent: 50 }] },
      });
    }
    await flags.close();
  });

  it("goes by the user or by an attribute where the rule says so", async () => {
    const flags = await flagsWith(definitions, {
      checkout: { rules: [{ percent: 50, by: "user" }], salt: "s" },
      base: { rules: [{ percent: 50, by: { attribute: "device" } }], salt: "s" },
    });
    const ids = Array.from({ length: 200 }, (_, i) => `id-${i}`);
    const byUser = ids.filter((userId) => flags.get("checkout", { tenantId: "acme", userId }));
    const byDevice = ids.filter((device) => flags.get("base", { tenantId: "acme", attributes: { device } }));
    expect(byUser.length).toBeGreaterThan(60);
    expect(byDevice).toEqual(byUser);
    await flags.close();
  });

  it("takes a tenant in at the step of 0.001 % above its bucket, and not before", async () => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ percent: 50 }] } });
    for (const tenant of tenants.slice(0, 5)) {
      const bucket = flags.explain("checkout", tenant).rules[0]?.bucket ?? Number.NaN;
      await flags.set("checkout", { rules: [{ percent: bucket / 1000 }] }, { by: "test" });
      expect(flags.get("checkout", tenant)).toBe(false);
      await flags.set("checkout", { rules: [{ percent: (bucket + 1) / 1000 }] }, { by: "test" });
      expect(flags.get("checkout", tenant)).toBe(true);
    }
    await flags.close();
  });

  it("explains in which bucket a subject is", async () => {
    const flags = await flagsWith(definitions, { checkout: { rules: [{ id: "tenth", percent: 10 }] } });
    for (const tenant of tenants.slice(0, 100)) {
      const { value, reason, rules } = flags.explain("checkout", tenant);
      const [trace] = rules;
      expect(trace?.result).toBe(value ? "match" : "percentage");
      expect((trace?.bucket ?? Number.NaN) < 10_000).toBe(value);
      expect(reason).toBe(value ? "SPLIT" : "DEFAULT");
    }
    await flags.close();
  });

  it("gives each variant its share, also within a percentage, and names it", async () => {
    const variants = [
      { name: "small", weight: 2, value: 10 },
      { name: "large", weight: 1, value: 100 },
    ];
    const flags = await flagsWith(definitions, { pageSize: { rules: [{ percent: 30, variants }] } });
    const counts = new Map<number, number>();
    for (const tenant of tenants) {
      const value = flags.get("pageSize", tenant);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const shareOf = (value: number): number => ((counts.get(value) ?? 0) / tenants.length) * 100;
    for (const [value, share] of [
      [10, 20],
      [100, 10],
      [50, 70],
    ] as const) {
      expect(Math.abs(shareOf(value) - share)).toBeLessThan(0.5);
    }
    const large = tenants.find((tenant) => flags.get("pageSize", tenant) === 100);
    expect(flags.explain("pageSize", large)).toMatchObject({ reason: "SPLIT", variant: "large" });
    expect(flags.explain("pageSize", {})).toMatchObject({ value: 50, reason: "NO_KEY" });
    await flags.close();
  });
});
