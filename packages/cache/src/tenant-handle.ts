import { StoreError } from "@scale/core";
import { parseDuration } from "@scale/core/kit";
import { createDataLoader, type DataLoader } from "./adapters/data-loader.js";
import { type Definition, type Spec, specOf, tagText } from "./definition/definition.js";
import type { Engine } from "./coherence/context.js";
import { type Errand, Flight, type Outcome } from "./get/flight.js";
import { createTogether } from "./get/batch-load.js";
import type { Entry, TenantUsage } from "./memory/types.js";
import { find } from "./get/find.js";
import { ageOf, isDue } from "./coherence/l1-entry.js";
import { join, refreshAhead } from "./get/single-flight.js";
import { type Counts, placeKey, type Space, type Spaces } from "./coherence/tenant-state.js";
import type { Invalidation } from "./store.js";
import type { CacheResult, GetOrSetOptions, InvalidateOptions, SetOptions, TenantCache } from "./tenant-cache.js";
import { invalidate, type Receipt, write } from "./coherence/invalidate.js";

/** A class: one is made for each request, and its methods are what a hit in memory consists of. */
export class Handle implements TenantCache {
  readonly tenantId: string;
  readonly #engine: Engine;
  readonly #spaces: Spaces;
  #space: Space;

  constructor(engine: Engine, spaces: Spaces, tenantId: string) {
    this.tenantId = tenantId;
    this.#engine = engine;
    this.#spaces = spaces;
    this.#space = spaces.of(tenantId);
  }

  get<P, V>(definition: Definition<P, V>, params: P): Promise<V> {
    return this.#get(definition[specOf], params);
  }

  peek<P, V>(definition: Definition<P, V>, params: P): V | undefined {
    const spec = definition[specOf];
    return this.#fresh(spec, spec.keyOf(params))?.value as V | undefined;
  }

  async getIfPresent<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V> | undefined> {
    const spec = definition[specOf];
    const key = spec.keyOf(params);
    const hit = this.#hit(spec, key, params);
    const outcome =
      hit === undefined ? await find(this.#engine, this.#errand(spec, key, params)) : this.#outcomeOf(hit);
    return outcome as CacheResult<V> | undefined;
  }

  async getWithInfo<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V>> {
    const spec = definition[specOf];
    const key = spec.keyOf(params);
    const hit = this.#hit(spec, key, params);
    if (hit !== undefined) return this.#outcomeOf(hit) as CacheResult<V>;
    const flight = await join(this.#engine, this.#errand(spec, key, params));
    await flight.done;
    return flight.outcome as CacheResult<V>;
  }

  async getMany<P, V>(definition: Definition<P, V>, params: readonly P[]): Promise<V[]> {
    return Promise.all(this.#many(definition[specOf], params));
  }

  async set<P, V>(definition: Definition<P, V>, at: { params: P; value: V } & SetOptions): Promise<Receipt> {
    const spec = definition[specOf];
    const { params, value, version, ttl } = at;
    if (version !== undefined && !Number.isSafeInteger(version)) {
      throw new RangeError(`set: version: expected a whole number, got ${version}`);
    }
    const errand = this.#errand(spec, spec.keyOf(params), params);
    return write(this.#engine, errand, {
      value,
      version,
      ownTtlMs: ttl === undefined ? undefined : parseDuration(ttl),
    });
  }

  async invalidate<P>(definition: Definition<P, unknown>, params: P, options?: InvalidateOptions): Promise<Receipt> {
    const spec = definition[specOf];
    return this.#invalidate({ keys: [placeKey(spec, spec.keyOf(params))] }, options);
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Receipt> {
    return this.#invalidate({ tags: [...new Set(tags.map(tagText))] }, options);
  }

  async clear(options?: InvalidateOptions): Promise<Receipt> {
    return this.#invalidate({ all: true }, options);
  }

  async getOrSet<V>(key: string, load: () => V | PromiseLike<V>, options: GetOrSetOptions): Promise<V> {
    const spec = this.#engine.adHoc(options.namespace ?? "default", options.ttl);
    return (await this.#get(spec, { key, load })) as V;
  }

  dataLoader<P, V>(definition: Definition<P, V>): DataLoader<P, V> {
    return createDataLoader(this, definition, (params) => this.#many(definition[specOf], params));
  }

  stats(): Readonly<Counts> {
    return { ...this.#current().counts };
  }

  usage(): TenantUsage | undefined {
    return this.#spaces.usage(this.tenantId);
  }

  /** Without an await on a hit: that is all the difference to reading a Map. */
  #get<P, V>(spec: Spec<P, V>, params: P): Promise<V> {
    let key: string;
    try {
      key = spec.keyOf(params);
    } catch (error) {
      return Promise.reject(error);
    }
    const hit = this.#hit(spec, key, params);
    if (hit !== undefined) return Promise.resolve(hit.value as V);
    return this.#fly(this.#errand(spec, key, params)) as Promise<V>;
  }

  /** A fresh entry of memory, counted as used, and loaded again when its time comes. */
  #hit<P, V>(spec: Spec<P, V>, key: string, params: P): Entry | undefined {
    const entry = this.#fresh(spec, key);
    if (entry === undefined) return undefined;
    this.#space.counts.memoryHits++;
    const { clock, random } = this.#engine;
    if (spec.beta > 0 && isDue(entry, clock.monotonic(), { beta: spec.beta, random })) {
      refreshAhead(this.#engine, this.#errand(spec, key, params));
    }
    return entry;
  }

  #fresh<P, V>(spec: Spec<P, V>, key: string): Entry | undefined {
    const entry = this.#current().find(spec.name, key);
    if (entry === undefined) return undefined;
    const now = this.#engine.turn();
    return entry.freshUntil > now && this.#engine.trust.isGiven(now) ? entry : undefined;
  }

  #outcomeOf(entry: Entry): Outcome {
    const ageMs = ageOf(entry, this.#engine.clock.monotonic());
    return { value: entry.value, source: "memory", ageMs, isStale: false };
  }

  #fly(errand: Errand): Promise<unknown> {
    const flight = join(this.#engine, errand);
    return flight instanceof Flight ? flight.done : flight.then(({ done }) => done);
  }

  #errand<P, V>(spec: Spec<P, V>, key: string, params: P): Errand {
    // What a spec does with its params is its own business; here they are carried only.
    return { space: this.#current(), spec: spec as Spec, params, key, placeKey: placeKey(spec, key) };
  }

  #many<P, V>(spec: Spec<P, V>, params: readonly P[]): Promise<V>[] {
    if (spec.loadMany === undefined) return params.map((each) => this.#get(spec, each));
    const keys = params.map((each) => spec.keyOf(each));
    const hits = keys.map((key, i) => this.#hit(spec, key, params[i] as P));
    const count = hits.filter((hit) => hit === undefined).length;
    const together = createTogether(this.#engine, spec as Spec, { tenantId: this.tenantId, count });
    return hits.map((hit, i) => {
      if (hit !== undefined) return Promise.resolve(hit.value as V);
      const errand = this.#errand(spec, keys[i] as string, params[i] as P);
      return this.#fly({ ...errand, loadTogether: together() }) as Promise<V>;
    });
  }

  async #invalidate(what: Partial<Invalidation>, options?: InvalidateOptions): Promise<Receipt> {
    const { tenantId } = this;
    const receipt = await invalidate(this.#engine, this.#current(), {
      tenantId,
      keys: [],
      tags: [],
      all: false,
      ...what,
    });
    if (options?.require !== "applied" || receipt.state === "applied") return receipt;
    throw new StoreError(`the invalidation is not applied, it is ${receipt.state}`);
  }

  #current(): Space {
    if (this.#space.isRetired) this.#space = this.#spaces.of(this.tenantId);
    return this.#space;
  }
}
