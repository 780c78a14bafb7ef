import { type Clock, ConfigError } from "@scale/core";
import { describeValue, inRootContext } from "@scale/core/kit";
import { signalFail } from "../events.js";
import type { DegradeBinding } from "./binding.js";
import type { Signal } from "./signals.js";

/**
 * Reads all signals regularly, and one at once when it reports a change. A signal that several flags are bound to is read
 * once for all: some signals measure since their last reading.
 */
export function startSampler(bindings: readonly DegradeBinding[], everyMs: number, clock: Clock): () => void {
  if (bindings.length === 0) return () => undefined;
  const bySignal = new Map<Signal, DegradeBinding[]>();
  for (const binding of bindings) bySignal.set(binding.signal, [...(bySignal.get(binding.signal) ?? []), binding]);
  let timer: NodeJS.Timeout | undefined;

  function read(signal: Signal, bound: readonly DegradeBinding[]): void {
    const level = readLevel(signal, bound);
    if (level === undefined) return;
    const now = clock.monotonic();
    for (const binding of bound) binding.update(level, now);
  }

  function sample(): void {
    for (const [signal, bound] of bySignal) read(signal, bound);
    // The signals are the process's own: no tenant that happened to create the flags is theirs.
    timer = inRootContext(() => setTimeout(sample, everyMs).unref());
  }

  const ends = [...bySignal].flatMap(([signal, bound]) =>
    typeof signal === "function" ? [] : [signal.subscribe(() => read(signal, bound))],
  );
  sample();
  return () => {
    clearTimeout(timer);
    for (const end of ends) end();
  };
}

/** Level of a signal, or `undefined` when it fails: a failing signal shows neither trouble nor health. */
function readLevel(signal: Signal, bound: readonly DegradeBinding[]): number | undefined {
  try {
    const value: unknown = typeof signal === "function" ? signal() : signal.read();
    if (typeof value === "boolean") return value ? 1 : 0;
    // A promise or a string would otherwise be taken for trouble.
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new ConfigError(`degrade: when: expected a boolean or a finite number, got ${describeValue(value)}`);
  } catch (error) {
    for (const { flag } of bound) signalFail.publish(() => ({ flag, error }));
    return undefined;
  }
}
