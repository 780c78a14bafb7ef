import { RankedHeap } from "../fairness/ranked-heap.js";

/** Idempotency keys with the time at which each ends. */
export class IdempotencyKeys {
  readonly #ids = new Map<string, string>();
  readonly #ends = new RankedHeap();

  /** Id of the job that holds the key. */
  holder(key: string, nowMs: number): string | undefined {
    for (let end = this.#ends.peek(); end !== undefined && end.rank <= nowMs; end = this.#ends.peek()) {
      this.release(end.id);
    }
    return this.#ids.get(key);
  }

  hold(key: string, id: string, untilMs: number): void {
    this.#ids.set(key, id);
    this.#ends.set(key, untilMs);
  }

  release(key: string): void {
    this.#ids.delete(key);
    this.#ends.delete(key);
  }

  /** Releases all keys of a tenant. */
  releaseTenant(tenantId: string): void {
    const prefix = keyPrefix(tenantId);
    for (const key of this.#ids.keys()) if (key.startsWith(prefix)) this.release(key);
  }
}

// JSON: different tenants, names and keys give different strings.
const keyPrefix = (tenantId: string): string => `${JSON.stringify(tenantId)},`;

export const idempotencyKeyOf = (tenantId: string, name: string, key: string): string =>
  `${keyPrefix(tenantId)}${JSON.stringify([name, key])}`;

/** Named leases. */
export class Claims {
  readonly #claims = new Map<string, { readonly owner: string; readonly untilMs: number }>();

  claim(key: string, owner: string, { ttlMs, nowMs }: { readonly ttlMs: number; readonly nowMs: number }): boolean {
    for (const [other, { untilMs }] of this.#claims) if (untilMs <= nowMs) this.#claims.delete(other);
    const held = this.#claims.get(key);
    if (held !== undefined && held.owner !== owner) return false;
    this.#claims.set(key, { owner, untilMs: nowMs + ttlMs });
    return true;
  }
}
