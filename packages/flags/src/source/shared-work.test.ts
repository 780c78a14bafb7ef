import { tenancy } from "@scale/core";
import { expect, it } from "vitest";
import { bool, createFlags, defineFlags, type FlagSource } from "../index.js";

it("polls of the source and readings of signals run for no tenant, also when a request creates the flags", async () => {
  const seen: (string | undefined)[] = [];
  const look = (): void => void seen.push(tenancy.current()?.tenantId);
  const source: FlagSource = {
    name: "test",
    async read() {
      look();
      throw new Error("no rules");
    },
  };
  const flags = tenancy.run({ tenantId: "acme" }, () =>
    createFlags({
      flags: defineFlags({ beta: bool({ default: false }) }),
      source,
      refresh: { pollMs: 100 },
      planOf: () => "free",
      degrade: {
        beta: {
          when: () => {
            look();
            return false;
          },
          minDwell: "1s",
        },
      },
    }),
  );
  const first = seen.length;
  await expect.poll(() => seen.length).toBeGreaterThan(first + 2);
  await flags.close();
  expect(seen.slice(first)).toEqual(seen.slice(first).map(() => undefined));
});
