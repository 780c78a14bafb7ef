import { StoreError } from "@scale/core";
import type { Found, Stored } from "../store.js";

// Kind and generation, number, version, filled, fresh and usable ms, tags.
const HEAD = /^[VT][^.|]*\.\d+\.[^.|]*\.(\d+)\.(\d+)\.(\d+)\.([^|]*)\|/;

/** What was written there by somebody else: nothing can be read from it. */
const FOREIGN: Stored = { text: "", ageMs: 0, freshMs: 0, usableMs: 0, tags: [] };

/** Reads what `read.lua` answers for one entry. */
export function foundOf(answer: unknown, now: number, token: string): Found {
  if (typeof answer !== "string") throw new StoreError("Redis answered something else than was asked");
  const kind = answer.charAt(0);
  if (kind === "V" || kind === "T") return { is: "value", stored: storedOf(answer, now) };
  const old = answer.length > 1 ? storedOf(answer.slice(1), now) : undefined;
  return kind === "H" ? { is: "leased", token, old } : { is: "busy", old };
}

function storedOf(text: string, now: number): Stored {
  const head = HEAD.exec(text);
  if (head === null) return FOREIGN;
  const [all, filledAt, freshMs, usableMs, tags] = head;
  return {
    text: text.slice(all.length),
    // A replica that became the master may have a clock behind that of the one before.
    ageMs: Math.max(0, now - Number(filledAt)),
    freshMs: Number(freshMs),
    usableMs: Number(usableMs),
    tags: tags === undefined || tags === "" ? [] : tags.split(":"),
  };
}
