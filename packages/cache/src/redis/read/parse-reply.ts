import { StoreError } from "@scale/core";
import type { ReadResult } from "../../store.js";
import { storedOf } from "./parse-entry.js";

/** Reads what `read.lua` answers for one entry. */
export function foundOf(answer: unknown, now: number, token: string): ReadResult {
  if (typeof answer !== "string") throw new StoreError("Redis answered something else than was asked");
  const kind = answer.charAt(0);
  if (kind === "V" || kind === "T") return { is: "value", stored: storedOf(answer, now) };
  const old = answer.length > 1 ? storedOf(answer.slice(1), now) : undefined;
  return kind === "H" ? { is: "leased", token, old } : { is: "busy", old };
}
