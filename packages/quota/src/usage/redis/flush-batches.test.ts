import { systemClock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import { describe, expect, it } from "vitest";
import type { UsageLedger } from "../ledger/types.js";
import type { RedisUsageContext } from "./context.js";
import { flushToLedger } from "./ledger-sync.js";
import { slotOf } from "./slot.js";

/** Redis and a ledger that count their round trips, and how many are under way at once. */
function counted(options: { readonly isCluster: boolean; readonly broken?: string }) {
  const calls = { progress: 0, "mark-flushed": 0, write: 0 };
  const keys: (readonly string[])[] = [];
  let underWay = 0;
  let most = 0;
  let waves = 0;
  let waiting: (() => void)[] = [];

  /** Answers all calls that are under way together: a wave is one round trip of the network. */
  function roundTrip(): Promise<void> {
    most = Math.max(most, ++underWay);
    return new Promise((resolve) => {
      if (waiting.length === 0) setTimeout(answer, 0);
      waiting.push(resolve);
    });
  }
  function answer(): void {
    waves++;
    const all = waiting;
    waiting = [];
    underWay -= all.length;
    for (const resolve of all) resolve();
  }

  const runner: ScriptRunner = {
    isCluster: options.isCluster,
    mget: undefined,
    async run(script, call) {
      calls[script.name as "progress"]++;
      keys.push(call.keys);
      await roundTrip();
      if (options.broken !== undefined && call.keys[0]?.includes(options.broken)) throw new Error("node is down");
      return script.name === "progress"
        ? call.keys.flatMap(() => ["e1", "0", "5", "1", ""])
        : call.keys.flatMap(() => [0, 0]);
    },
  };
  const ledger: UsageLedger = {
    read: async () => [],
    async write(states) {
      calls.write++;
      await roundTrip();
      return states;
    },
  };
  const context: RedisUsageContext = {
    ...{ runner, prefix: "p", ledger, clock: systemClock, rememberMs: 1000 },
    now: () => "",
  };
  return { context, ledger, calls, keys, most: () => most, waves: () => waves };
}

const addresses = Array.from({ length: 2000 }, (_, i) => ({ tenantId: `tenant-${i}`, metric: "tokens", period: "m" }));
const slots = new Set(addresses.map(({ tenantId }) => slotOf(tenantId))).size;

describe("a flush of 2,000 tenants", () => {
  it("asks a Cluster slot by slot, many at once, and the ledger once for 200 counts", async () => {
    const at = counted({ isCluster: true });
    await flushToLedger(at.context, at.ledger, addresses);
    expect(at.calls).toEqual({ progress: slots, "mark-flushed": expect.any(Number), write: 10 });
    expect(at.calls["mark-flushed"]).toBeLessThanOrEqual(2000);
    expect(at.most()).toBe(32);
    // One after the other, it took 6,000.
    expect(at.waves()).toBeLessThan(160);
    for (const of of at.keys) expect(new Set(of.map((key) => slotOf(/\{(.*)\}/.exec(key)?.[1] ?? ""))).size).toBe(1);
  });

  it("asks a single server once for 200 counts", async () => {
    const at = counted({ isCluster: false });
    await flushToLedger(at.context, at.ledger, addresses);
    expect(at.calls).toEqual({ progress: 10, "mark-flushed": 10, write: 10 });
    expect(at.waves()).toBeLessThanOrEqual(30);
  });

  it("writes the counts of all other slots when one fails, and rejects", async () => {
    const at = counted({ isCluster: true, broken: "{tenant-7}" });
    const written = new Set<string>();
    const ledger: UsageLedger = {
      ...at.ledger,
      write: async (states) => {
        for (const { tenantId } of states) written.add(tenantId);
        return at.ledger.write(states);
      },
    };
    await expect(flushToLedger(at.context, ledger, addresses)).rejects.toThrow("node is down");
    const sharing = addresses.filter(({ tenantId }) => slotOf(tenantId) === slotOf("tenant-7")).length;
    expect(written.size).toBe(2000 - sharing);
  });
});

describe("slotOf", () => {
  it.each([
    ["123456789", 12_739],
    ["foo", 12_182],
    ["bar", 5061],
  ])("of %s is %i, as CLUSTER KEYSLOT says", (tenantId, slot) => {
    expect(slotOf(tenantId)).toBe(slot);
  });
});
