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
  /** Bytes of cleared namespaces whose nodes are still linked into queues. */
  reclaimableBytes = 0;
  entries = 0;

  #namespaces = new Map<string, Namespace>();
  #eviction = new S3Fifo();
  /** The namespace of the last call: most calls are for the same one. */
  #last: Namespace | undefined = undefined;
  #expiries: IndexedHeap<EntryNode> | undefined = undefined;
  /** Cleared namespaces, and the nodes that are not yet purged. */
  #cleared: { readonly namespace: Namespace; readonly rest: Iterator<EntryNode> }[] | undefined = undefined;

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

  insert(entry: NewEntry): void {
    this.#eviction.admit(this.#add(entry));
  }

  /** Inserts an entry that no reader has asked for. */
  insertCold(entry: NewEntry): void {
    this.#eviction.admitCold(this.#add(entry));
  }

  #add({ namespace, key, entry, bytes }: NewEntry): EntryNode {
    const owner = this.#namespaceOf(namespace);
    const node = new EntryNode(owner, key, entry, bytes);
    owner.nodes.set(key, node);
    owner.bytes += bytes;
    this.bytes += bytes;
    this.entries++;
    this.#trackExpiry(node);
    return node;
  }

  /** Replaces the value of an entry. Counts as a use. */
  replace(node: EntryNode, entry: Entry, bytes: number): void {
    this.renew(node, entry, bytes);
    this.#recordUse(node);
  }

  /** As `replace`, without counting as a use. */
  renew(node: EntryNode, entry: Entry, bytes: number): void {
    const delta = bytes - node.bytes;
    this.#eviction.resize(node, bytes);
    node.namespace.bytes += delta;
    this.bytes += delta;
    node.entry = entry;
    this.#trackExpiry(node);
  }

  remove(node: EntryNode): void {
    const { namespace } = node;
    this.#unlink(node);
    namespace.nodes.delete(node.key);
    namespace.bytes -= node.bytes;
    this.bytes -= node.bytes;
    this.entries--;
    if (namespace.nodes.size === 0) this.#forget(namespace);
  }

  /** Makes the entries of a namespace unreachable in constant time. `purgeCleared` unlinks them later. */
  clear(name: string): void {
    const namespace = this.#namespaces.get(name);
    if (namespace === undefined) return;
    this.entries -= namespace.nodes.size;
    this.reclaimableBytes += namespace.bytes;
    (this.#cleared ??= []).push({ namespace, rest: namespace.nodes.values() });
    this.#forget(namespace);
  }

  /** Unlinks one cleared entry. @returns false when there is none */
  purgeCleared(): boolean {
    const cleared = this.#cleared?.at(-1);
    if (cleared === undefined) return false;
    const { namespace, rest } = cleared;
    const { value: node, done } = rest.next();
    if (done === true) {
      this.#cleared?.pop();
      this.reclaimableBytes -= namespace.bytes;
      return true;
    }
    this.#unlink(node);
    namespace.nodes.delete(node.key);
    namespace.bytes -= node.bytes;
    this.reclaimableBytes -= node.bytes;
    return true;
  }

  /** Drops all references: an unused partition may still hold the tenant. */
  release(): void {
    this.#namespaces = new Map();
    this.#eviction = new S3Fifo();
    this.#last = undefined;
    this.#expiries = undefined;
    this.#cleared = undefined;
  }

  /** The entry that expires first. It may have been cleared. */
  get nextToExpire(): EntryNode | undefined {
    return this.#expiries?.first;
  }

  /** The first cold entry to drop. It may have been cleared. */
  get coldest(): EntryNode | undefined {
    return this.#eviction.coldest;
  }

  /** The entry to evict when none is cleared, expired or cold. */
  victim(): EntryNode | undefined {
    return this.#eviction.victim();
  }

  #recordUse(node: EntryNode): void {
    // A cold entry has a frequency of 0.
    if (node.frequency >= MAX_FREQUENCY) return;
    if (node.isCold) this.#eviction.promote(node);
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

  #unlink(node: EntryNode): void {
    this.#eviction.remove(node);
    this.#expiries?.remove(node);
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
