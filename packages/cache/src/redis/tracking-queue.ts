import type { Invalidation } from "../store.js";
import type { Suspect } from "./tracking-check.js";
import { parseTrackedKey } from "./tracking-keys.js";

/** What becomes of the keys that Redis says have changed. */
export interface QueueOptions {
  /** The prefix of the store with its separator, as Redis sees it. */
  readonly space: string;
  /** Of this process. */
  readonly sender: string;
  /** Whether a change of the entry may be this process's own. */
  mayHold(tenantId: string, key: string): boolean;
  check(suspects: readonly Suspect[]): Promise<readonly Invalidation[]>;
  invalidated(what: Invalidation): void;
  /** A beat came, and all before it was told. */
  proven(atMs: number): void;
  /** Something changed of which it is not known what it means, or more than can be kept. */
  lost(): void;
}

export interface Queue {
  add(keys: readonly string[]): void;
  /** What has not been told is lost. */
  clear(): void;
}

/** Keys that are told in one turn of the event loop: a few milliseconds. */
const SLICE = 500;
/** More than that are not told one by one. */
const MAX_QUEUED = 20_000;

/** Takes keys as they come, and tells what they mean, in their order, without holding up the event loop. */
export function createQueue(options: QueueOptions): Queue {
  const { space, sender, check, invalidated, proven, lost } = options;
  let queued: string[] = [];
  let at = 0;
  let isScheduled = false;
  /** Counts what was cleared: what was asked before that is of no interest. */
  let round = 0;
  let asked: Promise<void> = Promise.resolve();
  let open = 0;

  function clear(): void {
    queued = [];
    at = 0;
    round++;
    open = 0;
    asked = Promise.resolve();
  }

  function prove(atMs: number): void {
    if (open === 0) return proven(atMs);
    const before = round;
    void asked.then(() => {
      if (round === before) proven(atMs);
    });
  }

  function ask(suspects: readonly Suspect[]): void {
    const before = round;
    open++;
    // It does not reject: what cannot be asked counts as changed.
    const told = check(suspects).then((all) => {
      if (round !== before) return;
      open--;
      for (const what of all) invalidated(what);
    });
    asked = Promise.all([asked, told]).then(() => undefined);
  }

  function tell(slice: readonly string[]): void {
    let batch = createBatch();
    const flush = (): void => {
      for (const [tenantId, keys] of batch.entries) invalidated({ tenantId, keys, tags: [], all: false });
      if (batch.suspects.length > 0) ask(batch.suspects);
      batch = createBatch();
    };
    for (const text of slice) {
      const key = parseTrackedKey(space, text);
      if (key.is === "unknown") {
        clear();
        return lost();
      }
      if (key.is === "beat") {
        if (key.sender !== sender) continue;
        flush();
        prove(key.atMs);
      } else if (key.is === "entry" && !options.mayHold(key.tenantId, key.key)) batch.add(key.tenantId, key.key);
      else if (key.is !== "foreign") batch.suspects.push(key);
    }
    flush();
  }

  function drain(): void {
    isScheduled = false;
    const slice = queued.slice(at, at + SLICE);
    at += slice.length;
    if (at >= queued.length) {
      queued = [];
      at = 0;
    }
    tell(slice);
    schedule();
  }

  function schedule(): void {
    if (isScheduled || queued.length === 0) return;
    isScheduled = true;
    setImmediate(drain);
  }

  return {
    add(keys) {
      if (queued.length - at + keys.length > MAX_QUEUED) {
        clear();
        return lost();
      }
      // The usual case: a few, and nothing before them.
      if (queued.length === 0 && keys.length <= SLICE) return tell(keys);
      for (const key of keys) queued.push(key);
      schedule();
    },
    clear,
  };
}

interface Batch {
  readonly entries: Map<string, string[]>;
  readonly suspects: Suspect[];
  add(tenantId: string, key: string): void;
}

function createBatch(): Batch {
  const entries = new Map<string, string[]>();
  return {
    entries,
    suspects: [],
    add(tenantId, key) {
      const same = entries.get(tenantId);
      if (same === undefined) entries.set(tenantId, [key]);
      else same.push(key);
    },
  };
}
