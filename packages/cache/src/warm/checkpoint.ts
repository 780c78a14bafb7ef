import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** Everything before this tenant is finished, and so many of its own entries. */
export interface ResumeAt {
  readonly tenantId: string;
  readonly entries: number;
}

/** Of the format. */
const MARK = "warm1";

export const formatResume = ({ tenantId, entries }: ResumeAt): string => JSON.stringify([MARK, tenantId, entries]);

/** @throws {InputError} for what no run has given */
export function parseResume(text: string): ResumeAt {
  const [mark, tenantId, entries] = parts(text);
  if (mark === MARK && typeof tenantId === "string" && Number.isSafeInteger(entries)) {
    return { tenantId, entries: Number(entries) };
  }
  throw new InputError(`cache.warm: resume: expected what an earlier run gave, got ${describeValue(text)}`);
}

function parts(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    // Refused by who asked for it.
    return [];
  }
}

/** How far one tenant has come. */
export interface Stand {
  readonly tenantId: string;
  /** Entries that are finished, counted from the first without a gap. */
  entries(): number;
  isDone: boolean;
}

/** Tenants that may be begun while one before them is not finished: bounds what is kept, and what a resumed run repeats. */
const MAX_AHEAD = 1000;

/** Follows tenants that are begun in order and finished in any. */
export class Trail {
  readonly #open = new Set<Stand>();
  #last: ResumeAt | undefined;
  #room: (() => void)[] = [];

  constructor(from: ResumeAt | undefined) {
    this.#last = from;
  }

  begin(stand: Stand): void {
    this.#open.add(stand);
  }

  finish(stand: Stand): void {
    stand.isDone = true;
    for (const each of this.#open) {
      if (!each.isDone) break;
      this.#open.delete(each);
      this.#last = { tenantId: each.tenantId, entries: each.entries() };
    }
    if (this.#open.size >= MAX_AHEAD) return;
    for (const resolve of this.#room.splice(0)) resolve();
  }

  /** Resolves when another tenant may be begun. */
  async room(): Promise<void> {
    while (this.#open.size >= MAX_AHEAD) {
      await new Promise<void>((resolve) => {
        this.#room.push(resolve);
      });
    }
  }

  get at(): ResumeAt | undefined {
    // Of what is under way only the entries that the first of them has finished in order can be told.
    const [first] = this.#open;
    const entries = first?.entries() ?? 0;
    return first === undefined || entries === 0 ? this.#last : { tenantId: first.tenantId, entries };
  }
}
