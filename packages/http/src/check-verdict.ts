import { wrongResult } from "@scale/core/kit";
import type { Verdict } from "./types.js";

/**
 * Checks what a guard returned. A guard that answers `false` means a refusal, and must not let the request pass.
 * @param where public function and argument, for the message: `toExpress: guard`
 * @throws {TypeError} for anything but an object
 */
export function checkVerdict(verdict: Verdict, where: string): Verdict {
  if (typeof verdict === "object" && verdict !== null) return verdict;
  throw wrongResult(where, "a verdict such as {} or { reply }", verdict);
}
