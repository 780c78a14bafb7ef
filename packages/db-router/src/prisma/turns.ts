/** Who asks: a session, and a tenant, by whose shard a statement is served. */
export interface Asker {
  readonly scope: object | undefined;
  readonly tenantId: string | undefined;
}

interface Waiting extends Asker {
  readonly go: () => void;
}

/**
 * Lets one asker at a time ask Prisma for single rows. Prisma collects all `findUnique` of a tick, of whoever, and sends
 * them in the asynchronous context of the first caller: the others would read as if they were that caller, who has not
 * written what they have, and whose tenant may live in another database. Those of one asker still go together.
 */
export class Turns {
  #current: Asker | undefined;
  #waiting: Waiting[] = [];

  /** @returns nothing when the asker has its turn now, or a promise of it */
  enter(asker: Asker): Promise<void> | undefined {
    if (this.#current === undefined) {
      this.#begin(asker);
      return undefined;
    }
    if (isSame(this.#current, asker)) return undefined;
    return new Promise((go) => {
      this.#waiting.push({ ...asker, go });
    });
  }

  #begin(asker: Asker): void {
    this.#current = asker;
    // Prisma comes to its own `nextTick` by microtasks alone. All of those that are due run before this one's `nextTick`
    // is over, and Prisma's is next in line then, before anything that the next scope does.
    process.nextTick(() => queueMicrotask(() => process.nextTick(() => this.#next())));
  }

  #next(): void {
    this.#current = undefined;
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#begin(first);
    const others: Waiting[] = [];
    for (const one of this.#waiting) {
      if (isSame(first, one)) one.go();
      else others.push(one);
    }
    this.#waiting = others;
  }
}

function isSame(one: Asker, other: Asker): boolean {
  return one.scope === other.scope && one.tenantId === other.tenantId;
}
