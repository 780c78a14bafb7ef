import type { Item } from "./node.js";

/** Items in the order in which they came. */
export class Queue {
  oldest: Item | undefined = undefined;
  bytes = 0;
  #newest: Item | undefined = undefined;

  add(item: Item): void {
    item.older = this.#newest;
    item.newer = undefined;
    if (this.#newest === undefined) this.oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.bytes += item.bytes;
  }

  remove(item: Item): void {
    if (item.newer === undefined) this.#newest = item.older;
    else item.newer.older = item.older;
    if (item.older === undefined) this.oldest = item.newer;
    else item.older.newer = item.newer;
    item.newer = undefined;
    item.older = undefined;
    this.bytes -= item.bytes;
  }
}
