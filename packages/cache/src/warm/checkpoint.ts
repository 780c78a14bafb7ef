import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";

/** All tenants before this one are finished, and so many of its own entries. */
export interface Checkpoint {
  readonly tenantId: string;
  readonly entries: number;
}

/** First item of a checkpoint's text: name and version of the format. */
const FORMAT = "warm1";
const schema = z.tuple([z.literal(FORMAT), z.string(), z.int()]);

export const formatCheckpoint = ({ tenantId, entries }: Checkpoint): string =>
  JSON.stringify([FORMAT, tenantId, entries]);

/** @throws {InputError} for text that no run has returned */
export function parseCheckpoint(text: string): Checkpoint {
  try {
    const [, tenantId, entries] = schema.parse(JSON.parse(text));
    return { tenantId, entries };
  } catch (cause) {
    const expected = "expected the `resume` of an earlier run";
    throw new InputError(`cache.warm: resume: ${expected}, got ${describeValue(text)}`, { cause });
  }
}

/** Progress of one tenant. */
export interface TenantProgress {
  readonly tenantId: string;
  /** Number of finished entries, counted from the first without a gap. */
  finishedEntries(): number;
  isDone: boolean;
}

/** Tenants in progress at most, from the oldest unfinished one on. Bounds memory, and the work that a resumed run repeats. */
const MAX_AHEAD = 1000;

/** Tracks tenants that start in order and finish in any order. */
export class CheckpointTracker {
  readonly #inProgress = new Set<TenantProgress>();
  #last: Checkpoint | undefined;
  #waiting: (() => void)[] = [];

  constructor(resumed: Checkpoint | undefined) {
    this.#last = resumed;
  }

  start(tenant: TenantProgress): void {
    this.#inProgress.add(tenant);
  }

  finish(tenant: TenantProgress): void {
    tenant.isDone = true;
    for (const each of this.#inProgress) {
      if (!each.isDone) break;
      this.#inProgress.delete(each);
      this.#last = { tenantId: each.tenantId, entries: each.finishedEntries() };
    }
    if (this.#inProgress.size >= MAX_AHEAD) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when another tenant may start. */
  async capacity(): Promise<void> {
    while (this.#inProgress.size >= MAX_AHEAD) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  get current(): Checkpoint | undefined {
    // A checkpoint can only hold a prefix: the finished entries of the oldest tenant in progress.
    const [oldest] = this.#inProgress;
    const entries = oldest?.finishedEntries() ?? 0;
    return oldest === undefined || entries === 0 ? this.#last : { tenantId: oldest.tenantId, entries };
  }
}
