import type { Engine } from "./context.js";
import { memoryFail } from "../events.js";
import type { Errand, Flight } from "../get/flight.js";
import { isEarly } from "../definition/lifetimes.js";
import type { Entry } from "../memory/types.js";
import type { Meta } from "./tenant-state.js";

/** What a value takes in memory per character of its text, and whatever it is. */
const BYTES_PER_CHAR = 2;
const BYTES_PER_ENTRY = 64;

/** A value that was read or loaded. */
export interface Got {
  readonly value: unknown;
  /** Of its text. */
  readonly chars: number;
  /** From the fill on. */
  readonly freshMs: number;
  readonly usableMs: number;
  /** Since the fill. */
  readonly ageMs: number;
  /** 0 when it is not known. */
  readonly loadMs: number;
  readonly tags: readonly string[];
}

/**
 * Written out, because it is on the way of every read of the store.
 * @param mark of the space, when what brought the value began
 */
export function entryOf(now: number, mark: number, got: Got): Entry {
  const filledAt = now - got.ageMs;
  const meta: Meta = { mark, filledAt, loadMs: got.loadMs };
  const { value, tags } = got;
  const bytes = BYTES_PER_ENTRY + BYTES_PER_CHAR * got.chars;
  const freshUntil = Math.ceil(filledAt + got.freshMs);
  const usableUntil = Math.ceil(filledAt + got.usableMs);
  if (tags.length === 0) return { value, bytes, freshUntil, usableUntil, meta };
  return { value, bytes, freshUntil, usableUntil, meta, tags };
}

/** Keeps an entry in memory, unless its flight has missed something. */
export function keep({ trust }: Engine, errand: Errand, from: { flight: Flight; entry: Entry }): void {
  if (!from.flight.isCurrent || !trust.isPossible) return;
  const how = from.flight.isAskedFor ? undefined : errand.aheadOfTime;
  if (how !== "skip") put(errand, from.entry, how);
}

/** Puts an entry in memory. What the application's `budgets` throw costs the entry, and no reader the value. */
export function put(
  { space, spec, key }: Pick<Errand, "space" | "spec" | "key">,
  entry: Entry,
  how: "cold" | "used" = "used",
): void {
  try {
    if (how === "cold") space.partition.offer(spec.name, key, entry);
    else space.partition.set(spec.name, key, entry);
  } catch (error) {
    memoryFail.publish(() => ({ tenantId: space.tenantId, error }));
  }
}

/** The entry of the errand that memory may serve, fresh or not. */
export function recall(
  engine: Engine,
  { space, spec, key, aheadOfTime }: Pick<Errand, "space" | "spec" | "key" | "aheadOfTime">,
): Entry | undefined {
  const entry = aheadOfTime === undefined ? space.find(spec.name, key) : space.look(spec.name, key);
  if (entry === undefined) return undefined;
  const now = engine.clock.monotonic();
  return entry.usableUntil > now && engine.trust.isGiven(now) ? entry : undefined;
}

export const ageOf = ({ meta }: Entry, now: number): number => Math.max(0, now - (meta as Meta).filledAt);

/** Whether a reader of a fresh entry should have it loaded again. */
export function isDue(entry: Entry, now: number, { beta, random }: { beta: number; random: () => number }): boolean {
  const { loadMs } = entry.meta as Meta;
  return isEarly(entry.freshUntil - now, loadMs, { beta, random: random() });
}
