import { describe, expect, it } from "vitest";
import { parseCron } from "./cron.js";

const at = (iso: string) => Date.parse(iso);
const iso = (ms: number) => new Date(ms).toISOString();

/** Slots by walking from one to the next, and by asking for the next one every 10 minutes. */
function walk(expression: string, tz: string, [from, to]: readonly [string, string]) {
  const cron = parseCron(expression, tz, at(from));
  const walked: string[] = [];
  for (let slot = cron.after(at(from)); slot <= at(to); slot = cron.after(slot)) walked.push(iso(slot));
  const asked = new Set<string>();
  for (let ms = at(from); ms <= at(to); ms += 600_000) {
    const next = cron.after(ms);
    if (next <= at(to)) asked.add(iso(next));
  }
  return { walked, asked: [...asked] };
}

describe("parseCron", () => {
  it.each([
    // The clock of Paris goes from 2:00 to 3:00 on 29 March 2026, and from 3:00 to 2:00 on 25 October.
    [
      "30 2 * * *",
      "Europe/Paris",
      ["2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"],
      ["2026-03-29T01:30:00.000Z", "2026-03-30T00:30:00.000Z"],
    ],
    [
      "30 2 * * *",
      "Europe/Paris",
      ["2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"],
      ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"],
    ],
    [
      "0,30 2 * * *",
      "Europe/Paris",
      ["2026-10-24T23:00:00Z", "2026-10-25T12:00:00Z"],
      ["2026-10-25T00:00:00.000Z", "2026-10-25T00:30:00.000Z"],
    ],
    [
      "30 * * * *",
      "Europe/Paris",
      ["2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"],
      ["2026-10-24T23:30:00.000Z", "2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "2026-10-25T02:30:00.000Z"],
    ],
    ["0 12 29 2 *", "UTC", ["2026-12-01T00:00:00Z", "2026-12-01T01:00:00Z"], []],
  ] as const)("finds the slots of %s in %s the same way from any time", (expression, tz, range, slots) => {
    expect(walk(expression, tz, range)).toEqual({ walked: slots, asked: slots });
  });
});
