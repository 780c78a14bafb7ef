import { waitUntil } from "@scale/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { discoveryFail } from "./events.js";
import { type ScriptedNode, scriptedNode } from "../test/scripted-node.js";
import { checkoutOf, routeOf, scriptedRouter } from "../test/scripted-router.js";

describe("the members of a router", () => {
  it("adds nodes, and removes them after their last statement", async () => {
    const { router } = await scriptedRouter({}, []);
    const a = scriptedNode("a");
    await router.addReplica(a);
    await expect(router.addReplica(scriptedNode("a"))).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    await router.refresh();
    const checkout = checkoutOf(router);
    expect(checkout.route.node).toBe("a");
    const removed = router.removeReplica("a", { drainMs: 1_000 });
    expect(routeOf(router)).toMatchObject({ node: "p" });
    await Promise.resolve();
    expect(a.isEnded()).toBe(false);
    checkout.release({ wrote: false });
    await removed;
    expect([a.isEnded(), a.events.listenerCount("error")]).toEqual([true, 0]);
  });

  it("refuses to remove the node that takes writes", async () => {
    const { router } = await scriptedRouter();
    await expect(router.removeReplica("p")).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    expect(routeOf(router, { intent: "write" })).toMatchObject({ node: "p" });
  });

  it("follows discovery, and keeps its nodes when discovery fails", async () => {
    const [a, b, mine] = [scriptedNode("a"), scriptedNode("b"), scriptedNode("mine", { isOwned: false })];
    let named: () => Promise<ScriptedNode[]> = async () => [a, mine];
    const { router } = await scriptedRouter({ discovery: { discover: () => named(), everyMs: 100 } }, []);
    const names = (): string[] => router.health().nodes.map(({ name }) => name);
    await waitUntil(() => names().length === 3, { what: "a and mine are members" });
    named = async () => [b];
    await waitUntil(() => names().join() === "p,b", { what: "b replaced them" });
    expect([a.isEnded(), mine.isEnded()]).toEqual([true, false]);
    let failures = 0;
    named = async () => {
      failures += 1;
      return failures % 2 === 0 ? [] : Promise.reject(new Error("no DNS"));
    };
    await waitUntil(() => failures > 2, { what: "discovery failed" });
    expect(names()).toEqual(["p", "b"]);
  });

  it("asks again when discovery does not answer, and drops what it answers later", async () => {
    const [late, a] = [scriptedNode("late"), scriptedNode("a")];
    const errors: string[] = [];
    onTestFinished(discoveryFail.subscribe(({ error }) => void errors.push(String(error))));
    const answers: ((nodes: ScriptedNode[]) => void)[] = [];
    let named = (): Promise<ScriptedNode[]> => new Promise((resolve) => answers.push(resolve));
    const { router } = await scriptedRouter({ discovery: { discover: () => named(), everyMs: 100 } }, []);
    await waitUntil(() => errors.length > 0, { what: "a failure" });
    expect(errors[0]).toMatch(/discover did not answer within 100 ms/);
    named = async () => [a];
    answers[0]?.([late]);
    await waitUntil(() => router.health().nodes.length > 1, { what: "the node of the next answer" });
    expect(router.health().nodes.map(({ name }) => name)).toEqual(["p", "a"]);
  });

  it("reports a node that discovery returns again with an ended pool, and accepts a new object", async () => {
    const [a, b] = [scriptedNode("a"), scriptedNode("b")];
    let named = [a, b];
    const errors: string[] = [];
    onTestFinished(discoveryFail.subscribe(({ error }) => void errors.push(String(error))));
    const { router } = await scriptedRouter({ discovery: { discover: async () => named, everyMs: 100 } }, []);
    const names = (): string =>
      router
        .health()
        .nodes.map(({ name }) => name)
        .join();
    await waitUntil(() => names() === "p,a,b", { what: "both are members" });
    named = [b];
    await waitUntil(() => a.isEnded(), { what: "a is gone" });
    named = [a, b];
    await waitUntil(() => errors.length > 0, { what: "the ended pool is reported" });
    expect([names(), errors[0]]).toEqual(["p,b", "ConfigError: discover: the pool of a has been ended"]);
    named = [scriptedNode("a"), b];
    await waitUntil(() => names() === "p,b,a", { what: "a is back" });
  });
});
