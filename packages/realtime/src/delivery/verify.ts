import type { Connection } from "../connection/connection.js";
import { feedChange, storeFail } from "../events.js";
import { isAway, type OpenStore, type Position } from "../store.js";
import type { LiveTenant, Roster } from "./roster.js";

/** Topics of one call to the store. */
const CHUNK = 200;
/** Tenants that are verified at once. */
const CONCURRENCY = 8;

/** Finds events whose notification never came, by comparing the positions of connections with those of the store. */
export interface Verifier {
  /**
   * Verifies all tenants, or only those with events that were missing at the last look. Ends when the store is away; a tenant
   * whose keys are broken does not keep it from the others.
   */
  run(which: "all" | "suspects"): Promise<void>;
}

/** The newest positions of a tenant's topics. Every event of them up to `position` is one of the tails, or before it. */
interface TenantTails {
  readonly epoch: string;
  readonly position: Position;
  readonly tails: ReadonlyMap<string, Position>;
}

export function createVerifier(store: OpenStore, roster: Roster): Verifier {
  // By tenant: connections that lacked an event at the last look, with its position. It may have been on its way.
  const suspects = new Map<string, Map<Connection, Position>>();

  async function verify(tenant: LiveTenant): Promise<void> {
    const found = await readTails(store, tenant);
    const earlier = suspects.get(tenant.tenantId);
    const missing = new Map<Connection, Position>();
    let hasGap = false;
    for (const connection of tenant.connections) {
      if (!connection.isLive) continue;
      const suspect = earlier?.get(connection);
      if (connection.epoch !== found.epoch) connection.catchUp();
      else if (suspect !== undefined && connection.position < suspect) {
        hasGap = true;
        connection.catchUp();
      } else if (hasSkipped(connection, tenant, found)) {
        hasGap = true;
        connection.reset("gap");
      } else compare(connection, found, missing);
    }
    if (hasGap) feedChange.publish(() => ({ state: "gap" }));
    if (missing.size === 0) suspects.delete(tenant.tenantId);
    else suspects.set(tenant.tenantId, missing);
  }

  /** @returns false when the store is away, so that it need not be asked about other tenants */
  async function tryVerify(tenant: LiveTenant): Promise<boolean> {
    try {
      await verify(tenant);
      return true;
    } catch (error) {
      const { tenantId } = tenant;
      storeFail.publish(() => ({ tenantId, operation: "verify", error }));
      return !isAway(error);
    }
  }

  return {
    async run(which) {
      for (const tenantId of [...suspects.keys()]) if (!roster.tenants.has(tenantId)) suspects.delete(tenantId);
      const due = [...roster.tenants.values()].filter(({ tenantId }) => which === "all" || suspects.has(tenantId));
      for (let i = 0; i < due.length; i += CONCURRENCY) {
        const answers = await Promise.all(due.slice(i, i + CONCURRENCY).map(tryVerify));
        if (answers.includes(false)) return;
      }
    },
  };
}

async function readTails(store: OpenStore, { tenantId, topics }: LiveTenant): Promise<TenantTails> {
  const names = [...topics.keys()];
  const tails = new Map<string, Position>();
  let epoch = "";
  let position = Number.POSITIVE_INFINITY;
  for (let i = 0; i < names.length; i += CHUNK) {
    const chunk = names.slice(i, i + CHUNK);
    const found = await store.tails(tenantId, chunk);
    epoch = found.epoch;
    // The first chunk's, which is the lowest: later ones were read later.
    position = Math.min(position, found.position);
    for (const [index, name] of chunk.entries()) tails.set(name, found.tails[index] ?? 0);
  }
  return { epoch, position, tails };
}

/**
 * True when a topic has an event that this process was not notified about, and the connection went past it with an event of
 * another topic.
 */
function hasSkipped(
  { names, position, readUpTo }: Connection,
  { topics }: LiveTenant,
  { tails }: TenantTails,
): boolean {
  return names.some((name) => {
    const tail = tails.get(name) ?? 0;
    return tail > readUpTo && tail <= position && tail > (topics.get(name)?.last ?? 0);
  });
}

/** Moves a connection forward that lacks nothing, and notes one that does. */
function compare(connection: Connection, found: TenantTails, missing: Map<Connection, Position>): void {
  let newest = 0;
  for (const name of connection.names) {
    const tail = found.tails.get(name);
    // A topic that was added while the tails were read.
    if (tail === undefined) return;
    newest = Math.max(newest, tail);
  }
  if (newest > connection.position) missing.set(connection, newest);
  else connection.advance(found);
}
