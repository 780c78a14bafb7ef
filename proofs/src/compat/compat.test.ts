import type { Line } from "@scale/testkit";
import { expect, it } from "vitest";
import { compat } from "./proof.js";

it("express-rate-limit and @nestjs/throttler behave over our stores as over their own", async () => {
  const lines: Line[] = [];
  for await (const line of compat({ smoke: false })) lines.push(line);
  expect(lines.length).toBe(14);
  expect(lines.filter(({ pass }) => !pass)).toEqual([]);
}, 120_000);
