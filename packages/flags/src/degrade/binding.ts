import { ConfigError, type Duration } from "@scale/core";
import { durationOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { FlagDefinition } from "../define.js";
import { verdict } from "../document/compile.js";
import type { Verdict } from "../document/compiled.js";
import { degradeChange } from "../events.js";
import type { Signal } from "./signals.js";

export interface DegradeOptions<T = unknown> {
  /** Signal that reports trouble. */
  readonly when: Signal;
  /**
   * Value of the flag meanwhile.
   * @default the flag's `off` value
   */
  readonly to?: T;
  /**
   * Level of the signal from which the flag is degraded.
   * @default 1
   */
  readonly enterAt?: number;
  /**
   * Level at or below which the flag recovers. Lower than `enterAt`, so that a level near the limit does not flap.
   * @default half of `enterAt`
   */
  readonly exitAt?: number;
  /**
   * Minimum time for which the flag stays degraded.
   * @default "30s"
   */
  readonly minDwell?: Duration;
}

/** State of one flag's binding to a signal. Evaluations read `verdict` only. */
export interface DegradeBinding {
  readonly flag: string;
  /** Result while the flag is degraded; `undefined` otherwise. */
  readonly verdict: Verdict | undefined;
  readonly signal: Signal;
  /**
   * Moves the state.
   * @param level what the signal read
   * @param now monotonic milliseconds
   */
  update(level: number, now: number): void;
}

const schema = z.strictObject({
  when: z.custom<Signal>(isSignal, "expected a function, or an object with read and subscribe"),
  to: z.unknown().optional(),
  enterAt: z.number().positive().default(1),
  exitAt: z.number().min(0).optional(),
  minDwell: durationOption.default(30_000),
});

/** @throws {ConfigError} that names the flag and the wrong option */
export function createBinding(flag: string, definition: FlagDefinition, options: DegradeOptions): DegradeBinding {
  const where = `createFlags: degrade: ${flag}`;
  const { when, to = definition.off, enterAt, exitAt = enterAt / 2, minDwell } = parseOptions(schema, options, where);
  if (exitAt >= enterAt) {
    throw new ConfigError(`${where}: exitAt: expected less than enterAt (${enterAt}), got ${exitAt}`);
  }
  const degraded = verdict(parseValue(definition, to, where), "DEGRADED");
  let current: Verdict | undefined;
  let since = -Infinity;

  return {
    flag,
    signal: when,
    get verdict() {
      return current;
    },
    update(level, now) {
      const isDegraded = current !== undefined;
      const next = isDegraded ? level > exitAt || now - since < minDwell : level >= enterAt;
      if (next === isDegraded) return;
      current = next ? degraded : undefined;
      since = now;
      degradeChange.publish(() => ({ flag, isDegraded: next, level }));
    },
  };
}

function isSignal(value: unknown): boolean {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null || !("read" in value) || !("subscribe" in value)) return false;
  return typeof value.read === "function" && typeof value.subscribe === "function";
}

function parseValue(definition: FlagDefinition, value: unknown, where: string): unknown {
  try {
    return definition.parse(value);
  } catch (cause) {
    throw new ConfigError(`${where}: to: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
