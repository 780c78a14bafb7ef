import { NAMESPACE_BYTES, tenantBytes } from "./entry-size.js";
import { type HeapIndex, IndexedHeap, NOT_IN_HEAP } from "./indexed-heap.js";
import { EntryNode, EXPIRY_INDEX, Namespace } from "./node.js";
import { MAX_FREQUENCY, S3Fifo } from "./s3-fifo.js";
import type { Budget, Entry } from "./types.js";

export interface NewEntry {
  readonly namespace: string;
  readonly key: string;
  readonly entry: Entry;
  readonly bytes: number;
  /** True when no reader has asked for the entry. */
  readonly isCold: boolean;
}

/** The entries of one tenant. Its totals change at once; the registry adds them up over the tenants. */
export class TenantEntries {
  readonly id: string;
  budget: Required<Budget>;
  /** Time at which the budget was asked for. */
  askedAtMs: number;
  /** Epoch of the last access. */
  epoch = 0;
  /** Epoch for which the tenant was ranked, see `FairShare`. */
  priorityEpoch = 0;
  priorityIndex: number = NOT_IN_HEAP;
  nextExpiryMs: number = Infinity;
  expiryIndex: number = NOT_IN_HEAP;
  /** The registry that it is in. A partition whose tenant is not in the current registry must look it up again. */
  registry: object | undefined = undefined;

  /** Bytes of the tenant without namespaces. */
  readonly ownBytes: number;
  bytes: number;
  entries = 0;

  /** Decides which entry goes next. */
  eviction: S3Fifo = new S3Fifo();
  #namespaces = new Map<string, Namespace>();
  /** The namespace of the last call: most calls are for the same one. */
  #last: Namespace | undefined = undefined;
  #expiries: IndexedHeap<EntryNode> | undefined = undefined;

  constructor(id: string, budget: Required<Budget>, askedAtMs: number) {
    this.id = id;
    this.budget = budget;
    this.askedAtMs = askedAtMs;
    this.ownBytes = tenantBytes(id);
    this.bytes = this.ownBytes;
  }

  use(namespace: string, key: string): Entry | undefined {
    const node = this.find(namespace, key);
    if (node === undefined) return undefined;
    this.#recordUse(node);
    return node.entry;
  }

  find(namespace: string, key: string): EntryNode | undefined {
    const last = this.#last;
    if (last !== undefined && last.name === namespace) return last.nodes.get(key);
    const found = this.#namespaces.get(namespace);
    if (found === undefined) return undefined;
    this.#last = found;
    return found.nodes.get(key);
  }

  insert({ namespace, key, entry, bytes, isCold }: NewEntry): void {
    const owner = this.#namespaceOf(namespace);
    const node = new EntryNode(owner, key, entry, bytes);
    owner.nodes.set(key, node);
    owner.bytes += bytes;
    this.bytes += bytes;
    this.entries++;
    this.#trackExpiry(node);
    if (isCold) this.eviction.admitCold(node);
    else this.eviction.admit(node);
  }

  /** Replaces the value of an entry. Counts as a use unless the new one is cold: uses have earned the entry its queue. */
  replace(node: EntryNode, { entry, bytes, isCold }: Pick<NewEntry, "entry" | "bytes" | "isCold">): void {
    const delta = bytes - node.bytes;
    this.eviction.resize(node, bytes);
    node.namespace.bytes += delta;
    this.bytes += delta;
    node.entry = entry;
    this.#trackExpiry(node);
    if (!isCold) this.#recordUse(node);
  }

  remove(node: EntryNode): void {
    const { namespace } = node;
    this.eviction.remove(node);
    this.#expiries?.remove(node);
    namespace.nodes.delete(node.key);
    namespace.bytes -= node.bytes;
    this.bytes -= node.bytes;
    this.entries--;
    if (namespace.nodes.size === 0) this.#forget(namespace);
  }

  /** Drops all references: an unused partition may still hold the tenant. */
  release(): void {
    this.#namespaces = new Map();
    this.eviction = new S3Fifo();
    this.#last = undefined;
    this.#expiries = undefined;
  }

  /** The entry that expires first. */
  get nextToExpire(): EntryNode | undefined {
    return this.#expiries?.first;
  }

  #recordUse(node: EntryNode): void {
    // A cold entry has a frequency of 0.
    if (node.frequency >= MAX_FREQUENCY) return;
    if (node.isCold) this.eviction.promote(node);
    else node.frequency++;
  }

  #namespaceOf(name: string): Namespace {
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      namespace = new Namespace(name, NAMESPACE_BYTES + name.length);
      this.#namespaces.set(name, namespace);
      this.bytes += namespace.bytes;
    }
    this.#last = namespace;
    return namespace;
  }

  #forget(namespace: Namespace): void {
    this.#namespaces.delete(namespace.name);
    this.bytes -= namespace.bytes;
    if (this.#last === namespace) this.#last = undefined;
  }

  #trackExpiry(node: EntryNode): void {
    const { usableUntil } = node.entry;
    if (usableUntil < Infinity) (this.#expiries ??= new IndexedHeap(EXPIRY_INDEX)).put(node, usableUntil);
    else this.#expiries?.remove(node);
  }
}

export const PRIORITY_INDEX: HeapIndex<TenantEntries> = {
  get: (tenant) => tenant.priorityIndex,
  set: (tenant, index) => {
    tenant.priorityIndex = index;
  },
};

export const EXPIRY_ORDER_INDEX: HeapIndex<TenantEntries> = {
  get: (tenant) => tenant.expiryIndex,
  set: (tenant, index) => {
    tenant.expiryIndex = index;
  },
};
