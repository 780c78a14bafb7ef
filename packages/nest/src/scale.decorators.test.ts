import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GuardNames, namesOf, resolveNames, SkipHttpGuards, UseHttpGuards } from "./scale.decorators.js";

fc.configureGlobal({ seed: 20_261_120 });

const use = (...names: string[]): GuardNames => ({ use: names, skip: [] });
const skip = (...names: string[]): GuardNames => ({ use: [], skip: names });
const skipAll: GuardNames = { use: [], skip: "all" };

describe("resolveNames", () => {
  it.each<[string, GuardNames[], string[]]>([
    ["those that run everywhere, in their order", [], ["tenant", "api"]],
    ["and those of controller and route after them", [use("ai"), use("upload")], ["tenant", "api", "ai", "upload"]],
    ["each once", [use("api"), use("tenant", "ai", "ai")], ["tenant", "api", "ai"]],
    ["not what the controller skips", [skip("api")], ["tenant"]],
    ["not what the route skips of its controller", [use("ai"), skip("ai", "tenant")], ["api"]],
    ["what the route brings back, in its old place", [skip("tenant", "api"), use("tenant")], ["tenant"]],
    ["nothing when all is skipped", [use("ai"), skipAll], []],
    ["what one level adds to nothing", [{ use: ["ai"], skip: "all" }], ["ai"]],
    ["what the route adds after a controller that skips all", [skipAll, use("ai", "api")], ["api", "ai"]],
  ])("gives %s", (_, levels, expected) => {
    expect(resolveNames(["tenant", "api"], levels)).toEqual(expected);
  });

  it("runs a guard exactly when the last level that speaks of it adds it", () => {
    const name = fc.constantFrom("a", "b", "c");
    const level: fc.Arbitrary<GuardNames> = fc.record({
      use: fc.array(name),
      skip: fc.oneof(fc.array(name), fc.constant("all" as const)),
    });
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.array(level, { maxLength: 3 }), (everywhere, levels) => {
        const expected = (["a", "b", "c"] as const).filter((guard) =>
          levels.reduce((runs, { use, skip }) => {
            if (use.includes(guard)) return true;
            return skip === "all" || skip.includes(guard) ? false : runs;
          }, everywhere.includes(guard)),
        );
        expect(resolveNames(everywhere, levels).sort()).toEqual(expected);
      }),
    );
  });
});

describe("UseHttpGuards and SkipHttpGuards", () => {
  @UseHttpGuards("audit")
  @UseHttpGuards("ai", "api")
  @SkipHttpGuards("tenant")
  class Base {
    @SkipHttpGuards("api")
    @SkipHttpGuards()
    health(): void {}
    plain(): void {}
  }

  @UseHttpGuards("upload")
  class Derived extends Base {}

  const methodNames = (name: keyof Base) => namesOf(Base.prototype[name]);

  it("add to each other on one target", () => {
    expect(namesOf(Base)).toEqual({ use: ["audit", "ai", "api"], skip: ["tenant"] });
    expect(methodNames("health")).toEqual({ use: [], skip: "all" });
    expect(methodNames("plain")).toEqual({ use: [], skip: [] });
  });

  it("add to those of the base class, and leave it alone", () => {
    expect(namesOf(Derived)).toEqual({ use: ["upload", "audit", "ai", "api"], skip: ["tenant"] });
    expect(namesOf(Base).use).not.toContain("upload");
  });
});
