import { type Duration, StoreError } from "@scale/core";
import { describeValue, parseDuration } from "@scale/core/kit";
import { createDataLoader } from "./adapters/data-loader.js";
import type { CacheContext } from "./coherence/context.js";
import { storeKeyOf } from "./coherence/entry-ref.js";
import { invalidate, type Receipt } from "./coherence/invalidate.js";
import { ageOf } from "./coherence/l1-entry.js";
import { set } from "./coherence/set.js";
import type { Counts, L1Meta, TenantState, TenantStates } from "./coherence/tenant-state.js";
import { MAX_TAG_BYTES } from "./definition/bounds.js";
import { type Definition, type ParsedDefinition, parsedOf, tagText } from "./definition/definition.js";
import { shouldRefreshEarly } from "./definition/lifetimes.js";
import { createLoadBatch } from "./get/batch-load.js";
import { type CacheResult, Flight, type LoadRequest } from "./get/flight.js";
import { getOrJoin, refreshAhead } from "./get/single-flight.js";
import { findInStore } from "./get/store-lookup.js";
import type { Entry, TenantUsage } from "./memory/types.js";
import type { Invalidation } from "./store.js";
import type { DataLoader, GetOrSetOptions, InvalidateOptions, TenantCache } from "./tenant-cache.js";

/** A class, because one is created for each request, and its methods are the whole path of an L1 hit. */
export class TenantHandle implements TenantCache {
  readonly tenantId: string;
  readonly #context: CacheContext;
  readonly #states: TenantStates;
  #state: TenantState;

  constructor(context: CacheContext, states: TenantStates, tenantId: string) {
    this.tenantId = tenantId;
    this.#context = context;
    this.#states = states;
    this.#state = states.of(tenantId);
  }

  get<P, V>(definition: Definition<P, V>, params: P): Promise<V> {
    return this.#get(definition[parsedOf], params);
  }

  peek<P, V>(definition: Definition<P, V>, params: P): V | undefined {
    const parsed = definition[parsedOf];
    return this.#fresh(parsed, parsed.keyOf(params))?.value as V | undefined;
  }

  async getIfPresent<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V> | undefined> {
    const parsed = definition[parsedOf];
    const key = parsed.keyOf(params);
    const hit = this.#hit(parsed, key, params);
    const result =
      hit === undefined ? await findInStore(this.#context, this.#request(parsed, key, params)) : this.#resultOf(hit);
    return result as CacheResult<V> | undefined;
  }

  async getWithInfo<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V>> {
    const parsed = definition[parsedOf];
    const key = parsed.keyOf(params);
    const hit = this.#hit(parsed, key, params);
    if (hit !== undefined) return this.#resultOf(hit) as CacheResult<V>;
    const flight = await getOrJoin(this.#context, this.#request(parsed, key, params));
    await flight.done;
    return flight.result as CacheResult<V>;
  }

  async getMany<P, V>(definition: Definition<P, V>, params: readonly P[]): Promise<V[]> {
    return Promise.all(this.#many(definition[parsedOf], params));
  }

  async set<P, V>(
    definition: Definition<P, V>,
    write: { readonly params: P; readonly value: V; readonly version?: number; readonly ttl?: Duration },
  ): Promise<Receipt> {
    const parsed = definition[parsedOf];
    const { params, value, version, ttl } = write;
    if (version !== undefined && !Number.isSafeInteger(version)) {
      throw new RangeError(`set: version: expected an integer, got ${describeValue(version)}`);
    }
    const ttlMs = ttl === undefined ? undefined : parseDuration(ttl);
    return set(this.#context, this.#request(parsed, parsed.keyOf(params), params), { value, version, ttlMs });
  }

  async invalidate<P>(definition: Definition<P, unknown>, params: P, options?: InvalidateOptions): Promise<Receipt> {
    const parsed = definition[parsedOf];
    return this.#invalidate({ keys: [storeKeyOf(parsed, parsed.keyOf(params))] }, options);
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Receipt> {
    // A longer tag is a tag of no value.
    const known = tags.map(tagText).filter((tag) => tag.length <= MAX_TAG_BYTES);
    return this.#invalidate({ tags: [...new Set(known)] }, options);
  }

  async clear(options?: InvalidateOptions): Promise<Receipt> {
    return this.#invalidate({ all: true }, options);
  }

  async getOrSet<V>(key: string, load: () => V | PromiseLike<V>, options: GetOrSetOptions): Promise<V> {
    const parsed = this.#context.inlineDefinitions(options.namespace ?? "default", options.ttl);
    return (await this.#get(parsed, { key, load })) as V;
  }

  dataLoader<P, V>(definition: Definition<P, V>): DataLoader<P, V> {
    return createDataLoader(this, definition, (params) => this.#many(definition[parsedOf], params));
  }

  stats(): Readonly<Counts> {
    return { ...this.#current().counts };
  }

  usage(): TenantUsage | undefined {
    return this.#states.usage(this.tenantId);
  }

  /** No await on a hit: that keeps it close to the cost of reading a Map. */
  #get<P, V>(parsed: ParsedDefinition<P, V>, params: P): Promise<V> {
    let key: string;
    try {
      key = parsed.keyOf(params);
    } catch (error) {
      return Promise.reject(error);
    }
    const hit = this.#hit(parsed, key, params);
    if (hit !== undefined) return Promise.resolve(hit.value as V);
    return this.#load(this.#request(parsed, key, params)) as Promise<V>;
  }

  /** Returns a fresh L1 entry, counts the hit, and starts an early refresh if one is due. */
  #hit<P, V>(parsed: ParsedDefinition<P, V>, key: string, params: P): Entry | undefined {
    const entry = this.#fresh(parsed, key);
    if (entry === undefined) return undefined;
    this.#state.counts.memoryHits++;
    const { clock, random } = this.#context;
    const { beta } = parsed;
    if (beta > 0) {
      const { loadMs } = entry.meta as L1Meta;
      const isDue = shouldRefreshEarly(entry.freshUntil - clock.monotonic(), loadMs, { beta, random: random() });
      if (isDue) refreshAhead(this.#context, this.#request(parsed, key, params));
    }
    return entry;
  }

  #fresh<P, V>(parsed: ParsedDefinition<P, V>, key: string): Entry | undefined {
    const entry = this.#current().get(parsed.name, key);
    if (entry === undefined) return undefined;
    const now = this.#context.coarseNow();
    return entry.freshUntil > now && this.#context.stalenessBound.isServable(now) ? entry : undefined;
  }

  #resultOf(entry: Entry): CacheResult<unknown> {
    const ageMs = ageOf(entry, this.#context.clock.monotonic());
    return { value: entry.value, source: "memory", ageMs, isStale: false };
  }

  #load(request: LoadRequest): Promise<unknown> {
    const flight = getOrJoin(this.#context, request);
    return flight instanceof Flight ? flight.done : flight.then(({ done }) => done);
  }

  #request<P, V>(parsed: ParsedDefinition<P, V>, key: string, params: P): LoadRequest {
    // From here on only the definition itself reads its params and values.
    const definition = parsed as ParsedDefinition;
    return { tenant: this.#current(), definition, params, key, storeKey: storeKeyOf(parsed, key) };
  }

  #many<P, V>(parsed: ParsedDefinition<P, V>, params: readonly P[]): Promise<V>[] {
    if (parsed.loadMany === undefined) return params.map((each) => this.#get(parsed, each));
    const keys = params.map((each) => parsed.keyOf(each));
    const hits = keys.map((key, i) => this.#hit(parsed, key, params[i] as P));
    const count = hits.filter((hit) => hit === undefined).length;
    const { tenantId } = this;
    const addToBatch = createLoadBatch(parsed as ParsedDefinition, { tenantId, count });
    return hits.map((hit, i) => {
      if (hit !== undefined) return Promise.resolve(hit.value as V);
      const request = this.#request(parsed, keys[i] as string, params[i] as P);
      return this.#load({ ...request, batch: addToBatch() }) as Promise<V>;
    });
  }

  async #invalidate(part: Partial<Invalidation>, options?: InvalidateOptions): Promise<Receipt> {
    const from = this.#context.id;
    const invalidation = { tenantId: this.tenantId, keys: [], tags: [], all: false, from, ...part };
    const receipt = await invalidate(this.#context, this.#current(), invalidation);
    if (options?.require !== "applied" || receipt.state === "applied") return receipt;
    throw new StoreError(`expected the invalidation to be applied, it is ${receipt.state}`);
  }

  #current(): TenantState {
    if (this.#state.isRetired) this.#state = this.#states.of(this.tenantId);
    return this.#state;
  }
}
