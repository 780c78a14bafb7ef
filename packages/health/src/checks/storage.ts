import { functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { CheckOptions, HealthCheck } from "../types.js";

type StorageCall = (signal: AbortSignal) => PromiseLike<unknown>;

const optionsSchema = z.strictObject({ call: functionOption<StorageCall>("a function that asks the store") });

/**
 * Asks a store of files with a call that costs little. The result does not matter:
 * `storageCheck((signal) => s3.send(new HeadBucketCommand({ Bucket }), { abortSignal: signal }))`.
 */
export function storageCheck(call: StorageCall, options: CheckOptions = {}): HealthCheck {
  parseOptions(optionsSchema, { call }, "storageCheck");
  return {
    name: "storage",
    group: "storage",
    everyMs: 30_000,
    ...options,
    async run({ signal }) {
      await call(signal);
    },
  };
}
