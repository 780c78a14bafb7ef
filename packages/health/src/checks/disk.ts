import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { CheckOptions, HealthCheck } from "../types.js";
import { ratioOption } from "./check-options.js";

export interface DiskCheckOptions extends CheckOptions {
  /** Part of the disk that is used, 0 to 1, from which on the check warns. @default 0.8 */
  readonly warnAtUsage?: number;
  /** Part of the disk that is used, 0 to 1, from which on the check fails. @default 0.95 */
  readonly failAtUsage?: number;
}

const optionsSchema = z.strictObject({
  folder: z.string().min(1),
  warnAtUsage: ratioOption(0.8),
  failAtUsage: ratioOption(0.95),
});

/** Looks whether a folder can be written, and how full its disk is. */
export function diskCheck(folder: string, options: DiskCheckOptions = {}): HealthCheck {
  const { warnAtUsage: warnAt, failAtUsage: failAt, ...common } = options;
  const given = { folder, warnAtUsage: warnAt, failAtUsage: failAt };
  const { warnAtUsage, failAtUsage } = parseOptions(optionsSchema, given, "diskCheck");
  return {
    name: "disk",
    group: "storage",
    everyMs: 30_000,
    ...common,
    async run() {
      await access(folder, constants.W_OK);
      const { blocks, bavail } = await statfs(folder);
      const usage = blocks === 0 ? 0 : 1 - bavail / blocks;
      const observed = { observedValue: Math.round(usage * 100), observedUnit: "percent" };
      if (usage < warnAtUsage) return { status: "pass", ...observed };
      const output = `the disk of ${folder} is ${observed.observedValue} % full`;
      return { status: usage < failAtUsage ? "warn" : "fail", ...observed, output };
    },
  };
}
