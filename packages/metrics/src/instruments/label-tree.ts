/** Finds a value by several strings. Nested maps: no joined key exists that two sets of strings could share. */
export class LabelTree<T> {
  readonly #root = new Map<string, unknown>();
  readonly #all: T[] = [];
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
    this.#all.push(value);
  }

  clear(): void {
    this.#root.clear();
    this.#all.length = 0;
  }

  /** In the order in which they were added. */
  get values(): readonly T[] {
    return this.#all;
  }
}
