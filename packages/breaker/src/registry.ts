import { describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { Call } from "./call.js";
import type { BreakerSettings } from "./engine/contract.js";
import { type BreakerOptions, parseBreakerOptions } from "./options.js";
import { Entry, OpenCounts } from "./registry-entry.js";
import type { Action, Breaker, BreakerSnapshot, CallInput, Policy } from "./types.js";

export interface BreakersOptions extends BreakerOptions {
  /** Breakers that are kept. The one used longest ago goes first, but never while it is open. @default 10_000 */
  readonly maxKeys?: number;
  /**
   * Part of the breakers that may be open at once, 0 to 1; at least one may. More than that points to a fault on this side,
   * and the rest stays closed.
   * @default 1
   */
  readonly maxOpenFraction?: number;
  /**
   * Milliseconds after which an open breaker that no call uses may go too: its failures say nothing about the present.
   * @default 600_000
   */
  readonly staleAfterMs?: number;
  /** Options of one key, in place of those of all. Called once for each breaker that is created. */
  readonly overrides?: (key: string) => Partial<Omit<BreakerOptions, "name">> | undefined;
}

/** Breakers of one kind of dependency, one for each key: a host, a tenant, a region. */
export interface Breakers extends Policy, Disposable {
  readonly name: string;
  /** Breakers that are kept now. */
  readonly size: number;
  /** Breakers that are open or half-open. */
  readonly openCount: number;
  /**
   * Runs the action by the breaker of `call.key`.
   * @throws {TypeError} for a call without a key
   * @throws {OpenError} as a breaker does
   */
  run<T>(action: Action<T>, call?: CallInput): Promise<T>;
  /**
   * The breaker of a key, created on first use. Ask for it at each call: an unused one goes when there are too many. While
   * every place is taken by open breakers, further keys share one breaker, whose key is `*`.
   */
  get(key: string): Breaker;
  /** The breaker of a key, if there is one. Does not count as a use. */
  peek(key: string): Breaker | undefined;
  /** Snapshots of the breakers that are worst off: open ones first, then by the part of calls that failed. O(keys). */
  worst(count: number): BreakerSnapshot[];
  /** Ends all breakers. Calls in flight settle as they would; further calls are refused, whatever their key. */
  dispose(): void;
}

const HOUR_MS = 3_600_000;
const registrySchema = z.strictObject({
  maxKeys: z.int().min(1).max(1_000_000).default(10_000),
  maxOpenFraction: z.number().gt(0).max(1).default(1),
  staleAfterMs: z
    .number()
    .min(1000)
    .max(24 * HOUR_MS)
    .default(600_000),
  overrides: functionOption<NonNullable<BreakersOptions["overrides"]>>().optional(),
});

/** Key of the breaker that all keys share for which there is no place. */
const OTHERS = "*";

/** Creates a registry of breakers that share their options and a bounded memory. */
export function createBreakers(options: BreakersOptions): Breakers {
  const { maxKeys, maxOpenFraction, staleAfterMs, overrides, ...defaults } = options;
  const own = { maxKeys, maxOpenFraction, staleAfterMs, overrides };
  return new Registry(parseOptions(registrySchema, own, "createBreakers"), defaults);
}

class Registry implements Breakers {
  readonly #options: z.output<typeof registrySchema>;
  readonly #defaults: BreakerOptions;
  readonly #settings: BreakerSettings;
  readonly #counts: OpenCounts;
  readonly #recent: LRUCache<string, Entry>;
  /** Breakers that left the recent ones while they were open, the one used longest ago first. */
  readonly #open = new Map<string, Entry>();
  #others: Entry | undefined;
  #isDisposed = false;

  constructor(options: z.output<typeof registrySchema>, defaults: BreakerOptions) {
    this.#options = options;
    this.#defaults = defaults;
    this.#settings = parseBreakerOptions(defaults, "createBreakers");
    this.#counts = new OpenCounts(options.maxOpenFraction, () => this.size);
    this.#recent = new LRUCache({
      max: options.maxKeys,
      dispose: (entry, key, reason) => reason === "evict" && this.#onEvict(key, entry),
      noDisposeOnSet: true,
    });
  }

  get name(): string {
    return this.#settings.name;
  }

  get size(): number {
    return this.#recent.size + this.#open.size + (this.#others === undefined ? 0 : 1);
  }

  get openCount(): number {
    return this.#counts.open;
  }

  async run<T>(action: Action<T>, input?: CallInput): Promise<T> {
    const call = Call.from(input);
    const { key } = call;
    if (key === undefined) throw new TypeError(`breakers ${this.name}: key: expected a string, got undefined`);
    return this.get(key).run(action, call);
  }

  get(key: string): Breaker {
    const entry = this.#recent.get(key);
    return entry === undefined ? this.#find(key) : entry.breaker;
  }

  peek(key: string): Breaker | undefined {
    return (this.#recent.peek(key) ?? this.#open.get(key))?.breaker;
  }

  worst(count: number): BreakerSnapshot[] {
    const entries = [...this.#recent.values(), ...this.#open.values(), ...(this.#others ? [this.#others] : [])];
    return entries
      .map(({ breaker }) => breaker.snapshot())
      .sort((a, b) => badness(b) - badness(a))
      .slice(0, count > 0 ? count : 0);
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const entry of [...this.#recent.values(), ...this.#open.values()]) {
      entry.drop();
      entry.breaker.dispose();
    }
    this.#others?.breaker.dispose();
    this.#others = undefined;
    this.#recent.clear();
    this.#open.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #now(): number {
    return this.#settings.clock.monotonic();
  }

  #find(key: string): Breaker {
    if (typeof key !== "string") {
      throw new TypeError(`breakers ${this.name}: key: expected a string, got ${describeValue(key)}`);
    }
    const entry = this.#open.get(key);
    if (entry === undefined) return this.#create(key);
    // Takes its turn as the one used last; a recovered one returns to the recent ones.
    this.#open.delete(key);
    if (this.#mustKeep(entry)) this.#keepOpen(key, entry);
    else this.#recent.set(key, entry);
    return entry.breaker;
  }

  #create(key: string): Breaker {
    if (this.#isDisposed) return this.#disposed(key);
    if (!this.#hasRoom()) return this.#ofOthers();
    const entry = this.#newEntry(key);
    this.#recent.set(key, entry);
    return entry.breaker;
  }

  /** A caller that goes on after the end is refused as by any disposed breaker. */
  #disposed(key: string): Breaker {
    const { breaker } = this.#newEntry(key);
    breaker.dispose();
    return breaker;
  }

  #newEntry(key: string): Entry {
    const entry = new Entry(this.#counts);
    const different = this.#options.overrides?.(key);
    const settings =
      different === undefined
        ? this.#settings
        : parseBreakerOptions({ ...this.#defaults, ...different, name: this.name }, "createBreakers: overrides");
    entry.usualMode = settings.mode;
    entry.breaker = settings.engine({ settings, key, hooks: entry });
    return entry;
  }

  /** True when a new breaker displaces none that is open, or when that one can be kept beside the recent ones. */
  #hasRoom(): boolean {
    const { maxKeys } = this.#options;
    if (this.#recent.size < maxKeys) return true;
    this.#dropOutdated();
    if (this.#open.size < maxKeys) return true;
    const [oldest] = this.#recent.rkeys();
    const entry = oldest === undefined ? undefined : this.#recent.peek(oldest);
    return entry === undefined || !this.#mustKeep(entry);
  }

  /** Keys that find no place must not be admitted without a breaker: they are counted together. */
  #ofOthers(): Breaker {
    this.#others ??= this.#newEntry(OTHERS);
    return this.#others.breaker;
  }

  #onEvict(key: string, entry: Entry): void {
    if (this.#mustKeep(entry)) this.#keepOpen(key, entry);
    else entry.drop();
  }

  #keepOpen(key: string, entry: Entry): void {
    entry.usedMs = this.#now();
    this.#open.set(key, entry);
  }

  #mustKeep({ breaker, isManual }: Entry): boolean {
    return isManual || breaker.state === "open" || breaker.state === "half-open";
  }

  /** Stops at the first that must stay, so that a new key costs O(1) on average. */
  #dropOutdated(): void {
    for (const [key, entry] of this.#open) {
      const isStale = !entry.isManual && this.#now() - entry.usedMs >= this.#options.staleAfterMs;
      if (this.#mustKeep(entry) && !isStale) return;
      this.#open.delete(key);
      entry.drop();
    }
  }
}

/** Above 1 for a breaker that refuses calls. */
function badness({ state, calls, failures, admittedShare }: BreakerSnapshot): number {
  const refused = state === "open" || state === "half-open" ? 2 : 1 - admittedShare;
  return refused + (calls === 0 ? 0 : failures / calls);
}
