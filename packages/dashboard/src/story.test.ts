import { describe, expect, it } from "vitest";
import { tenant } from "../test/source.js";
import { storyOf } from "./story.js";
import type { TenantCounts } from "./types.js";

const calm = ["amber", "cedar", "ember"].map((id) => tenant(id));
const noisy = tenant("delta", { admitted: 330, denied: 270 });

describe("storyOf", () => {
  it.each<[string, readonly TenantCounts[], string, string | undefined, string[]]>([
    ["nothing happens", [], "No requests in the last minute.", undefined, []],
    [
      "all are alike",
      calm,
      "No tenant is noisy; no other tenant suffers, and amber's p99 stays at 12 ms.",
      undefined,
      [],
    ],
    [
      "one is noisy, and the others do not notice",
      [noisy, ...calm],
      "delta sends 10× the median tenant and is refused 45 % of it; no other tenant suffers, and amber's p99 stays at 12 ms.",
      "delta",
      [],
    ],
    [
      "another one is slow",
      [noisy, ...calm, tenant("fjord", { p99: 900 })],
      "delta sends 10× the median tenant and is refused 45 % of it; fjord waits up to 900 ms.",
      "delta",
      ["fjord"],
    ],
    [
      "several get errors",
      [...calm, tenant("fjord", { failed: 6 }), tenant("gold", { failed: 6 })],
      "No tenant is noisy; fjord gets errors for 9 % of its requests, and 1 more suffer.",
      undefined,
      ["fjord", "gold"],
    ],
    [
      "one is refused",
      [...calm, tenant("fjord", { denied: 30 })],
      "No tenant is noisy; fjord is refused 33 % of its requests.",
      undefined,
      ["fjord"],
    ],
    [
      "few requests fail",
      [...calm, tenant("fjord", { admitted: 3, failed: 2 })],
      "No tenant is noisy; no other tenant suffers, and amber's p99 stays at 12 ms.",
      undefined,
      [],
    ],
    [
      "one sends much within its plan",
      [tenant("labs", { admitted: 900, p99: 3.14 }), ...calm],
      "No tenant is noisy; no other tenant suffers, and labs' p99 stays at 3.1 ms.",
      undefined,
      [],
    ],
    [
      "one sends much within its plan, and another is slow",
      [tenant("labs", { admitted: 900 }), ...calm, tenant("fjord", { p99: 900 })],
      "labs sends 15× the median tenant; fjord waits up to 900 ms.",
      "labs",
      ["fjord"],
    ],
    [
      "two are above their limits",
      [noisy, tenant("ember-2", { admitted: 60, denied: 400 }), ...calm],
      "delta sends 10× the median tenant and is refused 45 % of it; no other tenant suffers, and amber's p99 stays at 12 ms.",
      "delta",
      [],
    ],
    [
      "one tenant alone",
      [tenant("solo", { admitted: 9_000 })],
      "No tenant is noisy; no other tenant suffers, and solo's p99 stays at 12 ms.",
      undefined,
      [],
    ],
  ])("when %s", (_when, tenants, text, who, suffering) => {
    expect(storyOf(tenants)).toEqual({ text, suffering, ...(who !== undefined && { noisy: who }) });
  });
});
