import type { Clock } from "@scale/core";
import type { FlagDefinitions } from "../define.js";
import type { DegradeStates } from "../document/compile.js";
import type { FlagStatus } from "../types.js";
import { createCurrentRules, type CurrentRules } from "./current.js";
import { createKeeper, loadLastKnownGood } from "./keep.js";
import { createRefresh } from "./refresh.js";
import type { FlagSource, LastKnownGood } from "./types.js";

/** The rules in force and everything that changes them: file, live source, and their end. */
export interface Lifecycle {
  readonly current: CurrentRules;
  ready(): Promise<FlagStatus>;
  refresh(): Promise<FlagStatus>;
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Sources in their order: the file at once, the live source as soon as it answers. Nothing replaces a live document later. */
export function createLifecycle(options: {
  readonly definitions: FlagDefinitions;
  readonly degrade: DegradeStates;
  readonly source: FlagSource | undefined;
  readonly lastKnownGood?: LastKnownGood | undefined;
  readonly maxStaleness?: number | undefined;
  readonly refresh: { readonly pollMs: number; readonly timeoutMs: number; readonly maxBytes: number };
  readonly clock: Clock;
}): Lifecycle {
  const { source, lastKnownGood, clock, maxStaleness = Infinity } = options;
  const { maxBytes } = options.refresh;
  const keeper = lastKnownGood && createKeeper(lastKnownGood, clock);
  const listeners = new Set<() => void>();
  const current: CurrentRules = createCurrentRules({
    ...{ definitions: options.definitions, degrade: options.degrade, maxBytes, maxStalenessMs: maxStaleness, clock },
    onChange: () => listeners.forEach(callIsolated),
    onConfirm: () => current.document && keeper?.save(current.document),
  });
  if (lastKnownGood !== undefined) loadLastKnownGood(lastKnownGood, current, { maxBytes, clock });
  const refresh = source && createRefresh({ source, current, clock, ...options.refresh });
  return {
    current,
    async ready() {
      await refresh?.first;
      return current.status();
    },
    async refresh() {
      await refresh?.now();
      return current.status();
    },
    onChange(listener) {
      const own = (): void => listener();
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    async close() {
      refresh?.stop();
      await keeper?.flush();
    },
  };
}

/** A listener that throws must not keep the rules from the others. */
function callIsolated(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
