import { storeFail } from "../events.js";
import { isAway } from "../store.js";
import type { Roster } from "./roster.js";

/**
 * Reads what the connections of this process miss, for as long as notifications stay away: a subscription that cannot be
 * restored must not keep events from clients that the store could serve.
 */
export async function pollConnections(roster: Roster): Promise<void> {
  for (const { tenantId, connections } of [...roster.tenants.values()]) {
    try {
      await Promise.all([...connections].map((connection) => connection.poll()));
    } catch (error) {
      storeFail.publish(() => ({ tenantId, operation: "read", error }));
      if (isAway(error)) return;
    }
  }
}
