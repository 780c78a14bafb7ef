import type { CacheContext } from "../coherence/context.js";
import type { EntryRef } from "../coherence/entry-ref.js";
import { storeInL1IfCurrent } from "../coherence/l1-entry.js";
import type { Entry } from "../memory/types.js";

/** A value, where it came from and how old it is. */
export interface CacheResult<V> {
  readonly value: V;
  readonly source: "memory" | "store" | "load";
  readonly ageMs: number;
  /** True when the value was older than its ttl. */
  readonly isStale: boolean;
}

/** A request for the value of an entry. */
export interface LoadRequest extends EntryRef {
  /** Loads the value together with others. */
  readonly batch?: BatchSlot | undefined;
  /** Set when no reader has asked for the value yet: L1 keeps it as cold, or not at all. */
  readonly prefetch?: "cold" | "skip" | undefined;
}

/** The slot of one request in a batch that one `loadMany` loads. */
export interface BatchSlot {
  /** Tells the batch not to wait for this request: it needs no load, or loads on its own. */
  withdraw(): void;
  load(params: unknown): Promise<unknown>;
}

/**
 * One value on its way to all callers that ask for it (single-flight). The flight exists before the store is asked: an
 * invalidation that comes later detaches it. A detached flight still resolves for its callers, but its value is kept nowhere
 * and later callers do not join it.
 */
export class Flight {
  readonly request: LoadRequest;
  /** The value. Each caller handles the rejection. */
  readonly done: Promise<unknown>;
  result: CacheResult<unknown> | undefined;
  /** State of the load, if the flight came to one. */
  load: "none" | "running" | "done" | "failed" = "none";
  loadError: unknown;
  readonly hasTags: boolean;
  /** Tag generation of the tenant when the flight began. */
  readonly tagGeneration: number;
  isDetached = false;
  /** True once a reader joined a prefetch. */
  hasReader = false;
  isSettled = false;
  /** True from the end of the load until the store has accepted or refused the value. */
  isWritingBack = false;
  /** A value that may be served when there is no better one. */
  staleCandidate: { readonly entry: Entry; readonly source: "memory" | "store" } | undefined;
  readonly #context: CacheContext;
  readonly #epoch: number;
  // Created by the first caller of `finished`.
  #finished: Promise<void> | undefined;
  #onFinish: (() => void) | undefined;
  #resolveDone!: (value: unknown) => void;
  #rejectDone!: (error: unknown) => void;

  constructor(context: CacheContext, request: LoadRequest) {
    const { tenant, definition } = request;
    this.request = request;
    this.#context = context;
    this.#epoch = context.stalenessBound.epoch();
    this.tagGeneration = tenant.tagGeneration;
    this.hasTags = definition.hasTags;
    this.done = new Promise((resolve, reject) => {
      this.#resolveDone = resolve;
      this.#rejectDone = reject;
    });
    tenant.flights.set(request.storeKey, this);
  }

  /** The flight under way for the entry. */
  static of({ tenant, storeKey }: EntryRef): Flight | undefined {
    // Only flights register themselves there.
    return tenant.flights.get(storeKey) as Flight | undefined;
  }

  /** The fence of the flight: false once its entry was invalidated, or L1 was dropped. */
  get isCurrent(): boolean {
    return !this.isDetached && this.#epoch === this.#context.stalenessBound.epoch();
  }

  storeInL1(entry: Entry): void {
    const { request, isCurrent } = this;
    const prefetch = this.hasReader ? undefined : request.prefetch;
    storeInL1IfCurrent(this.#context, request, { entry, isCurrent, prefetch });
  }

  /** Ends the flight: later callers find the value in L1 or in the store, or start another flight. */
  finish(): void {
    const { tenant, storeKey } = this.request;
    if (tenant.flights.get(storeKey) === this) tenant.flights.delete(storeKey);
    this.#onFinish?.();
  }

  /** Resolves when the flight has finished. Must not be called after that. */
  finished(): Promise<void> {
    this.#finished ??= new Promise((resolve) => {
      this.#onFinish = resolve;
    });
    return this.#finished;
  }

  resolve(result: CacheResult<unknown>): void {
    this.isSettled = true;
    this.result = result;
    this.#resolveDone(result.value);
  }

  reject(error: unknown): void {
    this.isSettled = true;
    this.#rejectDone(error);
  }
}
