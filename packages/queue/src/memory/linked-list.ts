/** A place in a list, by which the value is removed in O(1). */
export interface ListNode<T> {
  readonly value: T;
  list: LinkedList<T> | undefined;
  before: ListNode<T> | undefined;
  after: ListNode<T> | undefined;
}

/** Doubly linked list: both ends and the removal of any value cost O(1). */
export class LinkedList<T> implements Iterable<T> {
  #first: ListNode<T> | undefined;
  #last: ListNode<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first?.value;
  }

  push(value: T): ListNode<T> {
    const node: ListNode<T> = { value, list: this, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = node;
    else this.#last.after = node;
    this.#last = node;
    this.#size += 1;
    return node;
  }

  unshift(value: T): ListNode<T> {
    const node: ListNode<T> = { value, list: this, before: undefined, after: this.#first };
    if (this.#first === undefined) this.#last = node;
    else this.#first.before = node;
    this.#first = node;
    this.#size += 1;
    return node;
  }

  /** Does nothing for a node that was removed before. */
  remove(node: ListNode<T>): void {
    if (node.list !== this) return;
    node.list = undefined;
    if (node.before === undefined) this.#first = node.after;
    else node.before.after = node.after;
    if (node.after === undefined) this.#last = node.before;
    else node.after.before = node.before;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let node = this.#first; node !== undefined; node = node.after) yield node.value;
  }

  /** From the last to the first. */
  *reversed(): Generator<T> {
    for (let node = this.#last; node !== undefined; node = node.before) yield node.value;
  }
}
