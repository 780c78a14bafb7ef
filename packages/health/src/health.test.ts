import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createHealth, type Health } from "./health.js";
import type { HealthOptions } from "./options.js";
import type { HealthCheck } from "./types.js";

function healthOf(options: HealthOptions): Health {
  const health = createHealth(options);
  onTestFinished(() => health.close());
  return health;
}

const up = (name: string, more: Partial<HealthCheck> = {}): HealthCheck => ({ name, run: () => undefined, ...more });
const down = (name: string, more: Partial<HealthCheck> = {}): HealthCheck => ({
  name,
  run: () => Promise.reject(new Error("down")),
  ...more,
});

describe("createHealth", () => {
  it("runs nothing before the first probe", async () => {
    let runs = 0;
    const health = healthOf({ ready: [up("a", { run: () => void runs++ })] });
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(0);
    await health.ready();
    expect(runs).toBe(1);
  });

  it("is a pass, a warn for a failing check, and a fail for a critical one", async () => {
    expect((await healthOf({}).ready()).status).toBe("pass");
    expect((await healthOf({ ready: [up("a"), down("b")] }).ready()).status).toBe("warn");
    expect((await healthOf({ ready: [down("a"), down("b", { critical: true })] }).ready()).status).toBe("fail");
    const warned = healthOf({ ready: [up("a", { critical: true, run: () => ({ status: "warn" }) })] });
    expect((await warned.ready()).status).toBe("warn");
  });

  it("is starting until every startup check has passed once", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    let isMigrated = false;
    let runs = 0;
    const migrations = up("migrations", {
      run: () => {
        runs++;
        if (!isMigrated) throw new Error("3 migrations to go");
      },
    });
    const health = healthOf({ startup: [migrations], ready: [up("a")] });
    expect(health.phase).toBe("starting");
    expect(await health.startup()).toMatchObject({ status: "fail", checks: [{ output: "3 migrations to go" }] });
    expect(await health.ready()).toMatchObject({ status: "fail", phase: "starting" });
    expect(health.live().status).toBe("pass");
    isMigrated = true;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await health.ready()).toMatchObject({ status: "pass", phase: "serving", checks: [{ name: "a" }] });
    const after = runs;
    isMigrated = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await health.startup()).status).toBe("pass");
    expect(runs).toBe(after);
  });

  it("follows breakers and registries of breakers", async () => {
    const breaker = { name: "rates", state: "closed" };
    const registry = { name: "hosts", size: 3, openCount: 0 };
    const health = healthOf({ breakers: [breaker, registry, { ...breaker, key: "eu" }] });
    expect(await health.ready()).toMatchObject({
      status: "pass",
      checks: [{ name: "breaker:rates" }, {}, { name: "breaker:rates:eu" }],
    });
    const other = healthOf({
      breakers: [
        { ...breaker, state: "open" },
        { ...registry, openCount: 1 },
      ],
    });
    expect(await other.ready()).toMatchObject({ status: "warn", checks: [{ status: "fail" }, { status: "warn" }] });
    expect((await other.group("breakers"))?.status).toBe("fail");
  });

  it("keeps the `this` of a check that is an object of a class", async () => {
    class Check {
      readonly name = "own";
      readonly #answer = { status: "warn" as const };
      run(): { status: "warn" } {
        return this.#answer;
      }
    }
    expect(await healthOf({ ready: [new Check()] }).ready()).toMatchObject({ checks: [{ status: "warn" }] });
  });

  it("reports a drain as not ready and alive", async () => {
    const health = healthOf({ ready: [up("a")], drain: { delayMs: 0, deadlineMs: 1_000 } });
    await health.ready();
    const drained = health.drain.start();
    expect(await health.ready()).toMatchObject({ status: "fail", phase: "draining", checks: [{ status: "pass" }] });
    expect(health.live().status).toBe("pass");
    expect(await drained).toMatchObject({ isClean: true });
  });

  it.each<[RegExp, HealthOptions]>([
    [/createHealth: .*"a" twice/, { startup: [up("a")], ready: [up("a")] }],
    [/ready\.0\.name: .*got ""/, { ready: [up("")] }],
    [/ready\.0\.name: expected a string without control characters/, { ready: [up("a\nb")] }],
    [/ready\.0\.name: expected a string without control characters/, { ready: [up("\ud800")] }],
    [/ready\.0\.run: expected a function/, { ready: [{ name: "a" } as HealthCheck] }],
    [/ready\.0\.timeoutMs/, { ready: [up("a", { timeoutMs: 0 })] }],
    [/drain\.delayMs: expected less than deadlineMs/, { drain: { delayMs: 10, deadlineMs: 10 } }],
    [/breakers\.0: expected a breaker/, { breakers: [{} as never] }],
    [/Unrecognized key/, { reedy: [] } as HealthOptions],
  ])("names a wrong option: %s", (message, options) => {
    expect(() => createHealth(options)).toThrow(message);
  });
});
