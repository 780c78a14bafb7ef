/*
 * Dev servers evaluate modules again, for each entry point and after each edit. Instances of earlier evaluations stay
 * alive, with their connections and timers. `globalThis` is the one place that all evaluations share.
 */

interface Shared {
  /** Values of `onceAcrossReloads` by name. */
  readonly values: Map<string, unknown>;
  /** Number of live instances, by kind and name. */
  readonly live: Map<string, number>;
  readonly warned: Set<string>;
}

const SHARED = Symbol.for("@scale/core:reloads");

function shared(): Shared {
  const holder = globalThis as { [SHARED]?: Shared };
  return (holder[SHARED] ??= { values: new Map(), live: new Map(), warned: new Set() });
}

/**
 * Returns what `create` returned the first time in this process, also when a dev server evaluates the calling module again.
 * The process must restart for a change of `create`. A promise that rejects is not kept.
 * @param name unique in the process
 */
export function onceAcrossReloads<T>(name: string, create: () => T): T {
  const { values } = shared();
  if (values.has(name)) return values.get(name) as T;
  const value = create();
  values.set(name, value);
  if (value instanceof Promise) {
    value.catch(() => {
      if (values.get(name) === value) values.delete(name);
    });
  }
  return value;
}

/**
 * Counts an instance that holds connections or timers. The second live one of a kind and name warns, once in the process:
 * usually a dev server has evaluated its module again.
 * @param kind what is created, as the caller calls it: `createRouter`
 * @returns a function to call when the instance is closed
 */
export function registerLive(kind: string, name: string): () => void {
  const { live, warned } = shared();
  const key = `${kind} ${name}`;
  const count = (live.get(key) ?? 0) + 1;
  live.set(key, count);
  if (count === 2 && !warned.has(key)) {
    warned.add(key);
    process.emitWarning(
      `${kind}: expected one live "${name}" in this process, got two; close the first one, give them different names, or, on a dev server that reloads modules, create it by onceAcrossReloads("${name}", () => ${kind}(…)) of @scale/core`,
      { type: "ScaleReloadWarning", code: "SCALE_SETUP_SECOND" },
    );
  }
  let isLive = true;
  return () => {
    if (!isLive) return;
    isLive = false;
    const left = (live.get(key) ?? 1) - 1;
    if (left > 0) live.set(key, left);
    else live.delete(key);
  };
}
