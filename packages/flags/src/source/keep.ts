import type { Clock } from "@scale/core";
import { fileFail } from "../events.js";
import type { CurrentRules } from "./current.js";
import type { FlagDocument, LastKnownGood } from "./types.js";

/** Writes the last known good document: after every change, and now and then so that its age stays right. */
export interface Keeper {
  /** Saves the document in force, which the live source has now. */
  save(document: FlagDocument): void;
  /** Resolves when no write is under way or due. */
  flush(): Promise<void>;
}

/** Milliseconds between two writes of an unchanged document: bounds how much older it looks after a restart. */
const REFRESH_MS = 60_000;

export function createKeeper(file: LastKnownGood, clock: Clock): Keeper {
  let running: Promise<void> | undefined;
  let due: FlagDocument | undefined;
  let saved: { readonly revision: string; readonly at: number } | undefined;

  async function write(): Promise<void> {
    for (let document = due; document !== undefined; document = due) {
      due = undefined;
      const at = clock.monotonic();
      try {
        await file.save({ document, confirmedAt: clock.now() });
        saved = { revision: document.revision, at };
      } catch (error) {
        fileFail.publish(() => ({ operation: "write", error }));
      }
    }
  }

  return {
    save(document) {
      if (saved?.revision === document.revision && clock.monotonic() - saved.at < REFRESH_MS) return;
      due = document;
      running ??= write().finally(() => {
        running = undefined;
      });
    },
    flush: async () => running,
  };
}

/** Puts the last known good document in force, if there is a usable one. */
export function loadLastKnownGood(
  file: LastKnownGood,
  current: CurrentRules,
  { maxBytes, clock }: { readonly maxBytes: number; readonly clock: Clock },
): void {
  try {
    const stored = file.load(maxBytes);
    if (stored === undefined) return;
    // A wall clock that was set back makes the document younger, but never confirmed in the future.
    const ageMs = Math.max(0, clock.now() - stored.confirmedAt);
    current.apply(stored.document, "file", clock.monotonic() - ageMs);
  } catch (error) {
    fileFail.publish(() => ({ operation: "read", error }));
  }
}
