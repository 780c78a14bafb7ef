/** The owner of a Prisma batch: a session, and a tenant, whose shard serves the statement. */
export interface BatchOwner {
  readonly scope: object | undefined;
  readonly tenantId: string | undefined;
}

/**
 * Serialises the batches of Prisma by owner. Prisma collects all `findUnique` calls of a tick and sends them in the
 * asynchronous context of the first caller. The others would read in that caller's session, without their own writes, and
 * perhaps in another tenant's database. Calls of one owner still share a batch.
 */
export class BatchTurns {
  #current: BatchOwner | undefined;
  #queue: { readonly owner: BatchOwner; readonly proceed: () => void }[] = [];

  /** @returns `undefined` when the owner has its turn now, or a promise of the turn */
  enter(owner: BatchOwner): Promise<void> | undefined {
    if (this.#current === undefined) {
      this.#begin(owner);
      return undefined;
    }
    if (isSame(this.#current, owner)) return undefined;
    return new Promise((proceed) => {
      this.#queue.push({ owner, proceed });
    });
  }

  #begin(owner: BatchOwner): void {
    this.#current = owner;
    // Prisma reaches its own `nextTick` by microtasks alone. All microtasks that are due run before this `nextTick` ends;
    // Prisma's is the next in line then, before anything of the next owner.
    process.nextTick(() => queueMicrotask(() => process.nextTick(() => this.#next())));
  }

  #next(): void {
    this.#current = undefined;
    const [first] = this.#queue;
    if (first === undefined) return;
    this.#begin(first.owner);
    const queue = this.#queue;
    this.#queue = queue.filter(({ owner }) => !isSame(first.owner, owner));
    for (const { owner, proceed } of queue) if (isSame(first.owner, owner)) proceed();
  }
}

function isSame(one: BatchOwner, other: BatchOwner): boolean {
  return one.scope === other.scope && one.tenantId === other.tenantId;
}
