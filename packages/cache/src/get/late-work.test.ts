import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { type Node, startFaultProxy, startNode, untilServed } from "../../scenarios/node.js";

const url = inject("redisUrl");
const leaseMs = 20_000;

const rowIn = ({ cache }: Node) =>
  cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load: () => "loaded" });

describe.skipIf(!url)("a read that Redis runs after its timeout", () => {
  it("releases the lease that it takes, so that no other caller waits for it", async () => {
    const proxy = await startFaultProxy(url);
    const prefix = `late:${process.pid}`;
    const near = startNode(proxy.url, { prefix, leaseMs, timeoutMs: 50, busUrl: url });
    const far = startNode(url, { prefix, leaseMs });
    await untilServed(near, far);
    const [mine, theirs] = [rowIn(near), rowIn(far)];
    // The delayed read still runs in Redis, and takes the lease.
    proxy.stall();
    expect(await near.cache.tenant("acme").get(mine, "a")).toBe("loaded");
    proxy.unstall();
    await expect.poll(() => near.redis.ping()).toBe("PONG");
    const ended = Promise.race([
      far.cache.tenant("acme").get(theirs, "a"),
      pause(leaseMs / 4, "waited", { ref: false }),
    ]);
    expect(await ended).toBe("loaded");
    near.close();
    far.close();
    await proxy.close();
  });
});

describe.skipIf(!url)("a value that Redis does not take in time", () => {
  it("leaves no lease for which another process would wait", async () => {
    const proxy = await startFaultProxy(url);
    const prefix = `fill:${process.pid}`;
    const near = startNode(proxy.url, { prefix, leaseMs, timeoutMs: 50, busUrl: url });
    const far = startNode(url, { prefix, leaseMs });
    await untilServed(near, far);
    const acme = near.cache.tenant("acme");
    const mine = near.cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      async load() {
        proxy.stall();
        // From its deadline on, nothing more is sent: neither the value nor the release of the lease.
        await acme.getIfPresent(mine, "other");
        return "loaded";
      },
    });
    expect(await acme.get(mine, "a")).toBe("loaded");
    proxy.unstall();
    const ended = Promise.race([
      far.cache.tenant("acme").get(rowIn(far), "a"),
      pause(leaseMs / 4, "waited", { ref: false }),
    ]);
    expect(await ended).toBe("loaded");
    near.close();
    far.close();
    await proxy.close();
  });
});
