import { describe, expect, it } from "vitest";
import type { JobsFacts } from "../live-data.js";
import { limitsText } from "./limits.js";
import { queuesTab } from "./queues.js";

const jobs: JobsFacts = {
  ...{ store: "redis", depth: { waiting: 1990, active: 10, delayed: 2, dead: 1, outbox: 3 } },
  ...{ noisyTenant: "amber-labs", quietWaitMs: 21.4, noisyWaitMs: 4210 },
  tenants: [{ tenantId: "amber-labs", waiting: 1990, started: 60, waitMs: 4210 }],
  jobs: [{ job: "newsletter", finished: 50, failed: 1, retried: 1 }],
  streams: { connections: 2, tenants: 1, published: 7, resets: 0 },
};

describe("queuesTab", () => {
  it("shows the wait of quiet tenants beside that of the noisy one", () => {
    const { tiles = [], tables = [] } = queuesTab(jobs);
    expect(tiles.map(({ value, note }) => [value, note])).toEqual([
      [1990, "10 running, 2 delayed"],
      ["21 ms", "last 60 s"],
      ["4.2 s", "amber-labs"],
      [1, "3 in the outbox"],
      [2, "7 events in 60 s"],
    ]);
    expect(tables.map(({ rows }) => rows)).toEqual([[["amber-labs", 1990, 60, "4.2 s"]], [["newsletter", 50, 1, 1]]]);
  });

  it("says that the store does not answer", () => {
    const down = queuesTab({ ...jobs, depth: undefined, noisyTenant: undefined, noisyWaitMs: null });
    expect(down.tiles?.[0]).toEqual({ label: "Jobs waiting", value: "–", note: "redis does not answer" });
    expect(down.tiles?.[2]).toMatchObject({ value: "–", note: "no tenant is noisy" });
  });
});

describe("limitsText", () => {
  it("reads as a sentence", () => {
    const limits = [
      { limit: 500, windowMs: 900_000 },
      { limit: 3, windowMs: 1000 },
      { limit: 2, windowMs: null },
    ];
    expect(limitsText(limits)).toBe("500 in 15 min, 3 in 1 s, 2 at once");
  });
});
