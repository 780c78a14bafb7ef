import { createHash } from "node:crypto";
import type { CacheStore, ClaimResult, ReadResult, Lease, EntryAddress } from "../store.js";

/** What this process has in Redis under a key, as far as it knows: a lease of its own, what it fills it with, or both. */
export interface Holding {
  readonly place: EntryAddress;
  readonly token: string;
  /** SHA-1 of the text of the fill, in hex. */
  hash: string | undefined;
  filledAt: number | undefined;
  /** Changes were taken for own ones while the lease was there. */
  hasIgnored: boolean;
}

export interface Own {
  /** Whether this process is asking for the entry, or has something there. */
  mayHold(tenantId: string, key: string): boolean;
  find(tenantId: string, key: string): Holding | undefined;
  /** The generation that the tenant has had as long as anything of it is in memory; `undefined` when it is not known. */
  generation(tenantId: string): string | undefined;
  learn(tenantId: string, generation: string): void;
}

export interface OwnOptions {
  readonly monotonic: () => number;
  /** What was taken for an own change may have been another's after all. */
  doubt(place: EntryAddress): void;
}

/** What is not remembered is taken for another's. */
const MAX_HOLDINGS = 10_000;
const MAX_TENANTS = 10_000;
/** No generation. */
const NONE = "";
/** The message of a fill comes within that time, or finds another's. */
const REMEMBER_MS = 2000;
/** Larger ones are read again: to hash them would hold the server up. */
const MAX_HASHED_CHARS = 65_536;

/** Watches what this process does in its store, to recognise it in what it hears. */
export function watchOwn(store: CacheStore, options: OwnOptions): { readonly own: Own; readonly store: CacheStore } {
  const holdings = createHoldings(options);
  const generations = createGenerations();

  async function asking<A extends ReadResult | ClaimResult>(place: EntryAddress, call: () => Promise<A>): Promise<A> {
    const isFirst = generations.isFirst(place.tenantId);
    const end = holdings.ask(place);
    try {
      const answer = await call();
      if (answer.is === "leased") holdings.take(place, answer.token);
      generations.heard(place.tenantId, answer.is === "leased" && isFirst ? answer.token : undefined);
      return answer;
    } finally {
      end();
    }
  }

  return {
    own: {
      mayHold: holdings.mayHold,
      find: holdings.find,
      generation: generations.of,
      learn: generations.learn,
    },
    store: {
      ...store,
      read: (place) => asking(place, () => store.read(place)),
      claim: (place, purpose) => asking(place, () => store.claim(place, purpose)),
      async fillIn(lease, content) {
        holdings.filling(lease, content.text);
        let isFilled = false;
        try {
          isFilled = await store.fillIn(lease, content);
        } finally {
          holdings.over(lease, isFilled);
        }
        return isFilled;
      },
      release(lease) {
        holdings.over(lease, false);
        return store.release(lease);
      },
    },
  };
}

function createHoldings({ monotonic, doubt }: OwnOptions) {
  const all = new Map<string, Holding>();
  // Questions under way: the message of the lease may come before the answer.
  const asked = new Map<string, number>();
  const idOf = (tenantId: string, key: string): string => `${tenantId}\n${key}`;

  function makeRoom(now: number): void {
    // In the order in which they were taken: leases that take long are few.
    for (const [id, { filledAt }] of all) {
      const isOver = filledAt !== undefined && now - filledAt > REMEMBER_MS;
      if (!isOver && all.size < MAX_HOLDINGS) return;
      all.delete(id);
    }
  }
  const held = ({ tenantId, key, token }: Lease): Holding | undefined => {
    const holding = all.get(idOf(tenantId, key));
    return holding?.token === token ? holding : undefined;
  };

  return {
    find: (tenantId: string, key: string) => all.get(idOf(tenantId, key)),
    mayHold(tenantId: string, key: string): boolean {
      const id = idOf(tenantId, key);
      return all.has(id) || asked.has(id);
    },
    ask({ tenantId, key }: EntryAddress): () => void {
      const id = idOf(tenantId, key);
      asked.set(id, (asked.get(id) ?? 0) + 1);
      return () => {
        const left = (asked.get(id) ?? 1) - 1;
        if (left === 0) asked.delete(id);
        else asked.set(id, left);
      };
    },
    take(place: EntryAddress, token: string): void {
      makeRoom(monotonic());
      const id = idOf(place.tenantId, place.key);
      all.delete(id);
      all.set(id, { place, token, hash: undefined, filledAt: undefined, hasIgnored: false });
    },
    filling(lease: Lease, text: string): void {
      const holding = held(lease);
      if (holding === undefined || text.length > MAX_HASHED_CHARS) return;
      holding.hash = createHash("sha1").update(text).digest("hex");
    },
    over(lease: Lease, isFilled: boolean): void {
      const holding = held(lease);
      if (holding === undefined) return;
      holding.filledAt = monotonic();
      if (isFilled) return;
      all.delete(idOf(lease.tenantId, lease.key));
      if (holding.hasIgnored) doubt(holding.place);
    },
  };
}

/** Of tenants of which something was read: their generation, as far as it is known to be the only one. */
function createGenerations() {
  const all = new Map<string, string | undefined>();
  // From then on a tenant that is not known may be one that was.
  let hasForgotten = false;

  function set(tenantId: string, generation: string | undefined): void {
    all.delete(tenantId);
    all.set(tenantId, generation);
    const [oldest] = all.keys();
    if (all.size <= MAX_TENANTS || oldest === undefined) return;
    all.delete(oldest);
    hasForgotten = true;
  }
  return {
    of: (tenantId: string) => all.get(tenantId),
    learn: set,
    /**
     * A first question that gets a lease may have made the generation, named after its token. If it has not, no generation
     * is equal to the token. What was answered before that may be of another one.
     */
    heard(tenantId: string, token: string | undefined): void {
      if (all.has(tenantId) && all.get(tenantId) === undefined) all.set(tenantId, token ?? NONE);
    },
    isFirst(tenantId: string): boolean {
      if (all.has(tenantId)) return false;
      set(tenantId, undefined);
      return !hasForgotten;
    },
  };
}
