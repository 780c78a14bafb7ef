import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type GuardMetadata,
  guardMetadataOf,
  resolveGuardNames,
  SkipHttpGuards,
  UseHttpGuards,
} from "./scale.decorators.js";

fc.configureGlobal({ seed: 20_261_120 });

const use = (...names: string[]): GuardMetadata => ({ use: names, skip: [] });
const skip = (...names: string[]): GuardMetadata => ({ use: [], skip: names });
const skipAll: GuardMetadata = { use: [], skip: "all" };

describe("resolveGuardNames", () => {
  it.each<[string, GuardMetadata[], string[]]>([
    ["the global guards in their order", [], ["tenant", "api"]],
    ["the guards of controller and route after them", [use("ai"), use("upload")], ["tenant", "api", "ai", "upload"]],
    ["each guard once", [use("api"), use("tenant", "ai", "ai")], ["tenant", "api", "ai"]],
    ["no guard that the controller skips", [skip("api")], ["tenant"]],
    ["no guard that the route skips", [use("ai"), skip("ai", "tenant")], ["api"]],
    ["a guard that the route adds back, in its place", [skip("tenant", "api"), use("tenant")], ["tenant"]],
    ["nothing when everything is skipped", [use("ai"), skipAll], []],
    ["a guard added beside a skip of everything", [{ use: ["ai"], skip: "all" }], ["ai"]],
    ["guards that the route adds after a controller that skips everything", [skipAll, use("ai", "api")], ["api", "ai"]],
  ])("returns %s", (_, levels, expected) => {
    expect(resolveGuardNames(["tenant", "api"], levels)).toEqual(expected);
  });

  it("runs a guard exactly when the last level that names it adds it", () => {
    const name = fc.constantFrom("a", "b", "c");
    const level: fc.Arbitrary<GuardMetadata> = fc.record({
      use: fc.array(name),
      skip: fc.oneof(fc.array(name), fc.constant("all" as const)),
    });
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.array(level, { maxLength: 3 }), (globalGuards, levels) => {
        const expected = (["a", "b", "c"] as const).filter((guard) =>
          levels.reduce((runs, { use, skip }) => {
            if (use.includes(guard)) return true;
            return skip === "all" || skip.includes(guard) ? false : runs;
          }, globalGuards.includes(guard)),
        );
        expect(resolveGuardNames(globalGuards, levels).sort()).toEqual(expected);
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

  const methodNames = (name: keyof Base) => guardMetadataOf(Base.prototype[name]);

  it("add up on one target", () => {
    expect(guardMetadataOf(Base)).toEqual({ use: ["audit", "ai", "api"], skip: ["tenant"] });
    expect(methodNames("health")).toEqual({ use: [], skip: "all" });
    expect(methodNames("plain")).toEqual({ use: [], skip: [] });
  });

  it("add to those of the base class, and leave the base class unchanged", () => {
    expect(guardMetadataOf(Derived)).toEqual({ use: ["upload", "audit", "ai", "api"], skip: ["tenant"] });
    expect(guardMetadataOf(Base).use).not.toContain("upload");
  });
});
