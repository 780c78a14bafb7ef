interface Leaf<T> {
  readonly path: readonly string[];
  readonly value: T;
}

/** Finds a value by several strings. Nested maps: no joined key exists that two sets of strings could share. */
export class LabelTree<T> {
  #root = new Map<string, unknown>();
  #leaves: Leaf<T>[] = [];
  #values: T[] = [];
  readonly #depth: number;

  constructor(depth: number) {
    this.#depth = Math.max(1, depth);
  }

  find(path: readonly string[]): T | undefined {
    let node: unknown = this.#root;
    for (let level = 0; level < this.#depth; level++) {
      node = (node as Map<string, unknown>).get(path[level] ?? "");
      if (node === undefined) return undefined;
    }
    return node as T;
  }

  add(path: readonly string[], value: T): void {
    let node = this.#root;
    for (let level = 0; level < this.#depth - 1; level++) {
      const name = path[level] ?? "";
      const next = (node.get(name) as Map<string, unknown> | undefined) ?? new Map<string, unknown>();
      node.set(name, next);
      node = next;
    }
    node.set(path[this.#depth - 1] ?? "", value);
    this.#leaves.push({ path, value });
    this.#values.push(value);
  }

  /** Removes the values whose path matches. Readers that go through `values` meanwhile see all of those that there were. */
  remove(matches: (path: readonly string[]) => boolean): void {
    const kept = this.#leaves.filter(({ path }) => !matches(path));
    if (kept.length === this.#leaves.length) return;
    this.#root = new Map();
    this.#leaves = [];
    this.#values = [];
    for (const { path, value } of kept) this.add(path, value);
  }

  /** In the order in which they were added. */
  get values(): readonly T[] {
    return this.#values;
  }
}
