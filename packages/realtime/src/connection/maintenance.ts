import type { Clock } from "@scale/core";
import { controlFrame, type Frame } from "../delivery/frame.js";
import { authorizeFail } from "../events.js";
import type { Cursor } from "../store.js";
import { deniedTopics } from "./connect.js";
import type { Connection } from "./connection.js";
import { createExpiry } from "./expiry.js";
import { createWheel } from "./wheel.js";

export interface MaintenanceOptions {
  readonly heartbeatMs: number;
  readonly maxAgeMs: number;
  readonly recheckMs: number;
  readonly clock: Clock;
  /** Called about once a second. */
  readonly onTick: () => void;
}

/** Milliseconds in which a client may take the last bytes of a connection that has ended. */
const LINGER_MS = 10_000;

/** Heartbeats, ages, expiries and rights of all connections, on one timer. */
export interface Maintenance {
  add(connection: Connection): void;
  remove(connection: Connection): void;
  /** Checks the rights of a connection now, and ends it without them. */
  recheck(connection: Connection): Promise<void>;
  stop(): void;
}

export function createMaintenance(options: MaintenanceOptions): Maintenance {
  const { heartbeatMs, maxAgeMs, recheckMs, clock, onTick } = options;
  const expiry = createExpiry<Connection>();
  // Spreads the connections of a process that has just started, whose clients all came at once.
  const endAt = new WeakMap<Connection, number>();
  const lingering = createLingering(clock);

  function visit(connections: ReadonlySet<Connection>): void {
    const now = clock.monotonic();
    const frameOf = cachedHeartbeats();
    for (const connection of connections) {
      if (now >= (endAt.get(connection) ?? Infinity)) connection.end("age");
      else connection.heartbeat(frameOf);
      if (now < connection.recheckAt || connection.isEnded) continue;
      // A check that is slow is not joined by the next one.
      connection.recheckAt = Infinity;
      void recheck(connection).then(() => {
        connection.recheckAt = clock.monotonic() + recheckMs;
      });
    }
  }

  const wheel = createWheel<Connection>({
    intervalMs: heartbeatMs,
    visit,
    onTick() {
      for (const connection of expiry.take(clock.now())) connection.end("expired");
      lingering.endOverdue();
      onTick();
    },
  });

  return {
    add(connection) {
      const { expiresAtMs } = connection;
      if (expiresAtMs !== undefined) expiry.add(connection, expiresAtMs);
      endAt.set(connection, connection.openedAt + maxAgeMs * (1 - Math.random() / 10));
      connection.recheckAt = connection.openedAt + recheckMs;
      wheel.add(connection);
    },
    remove(connection) {
      const { expiresAtMs } = connection;
      if (expiresAtMs !== undefined) expiry.remove(connection, expiresAtMs);
      wheel.remove(connection);
      lingering.add(connection);
    },
    recheck,
    stop: () => wheel.stop(),
  };
}

/** Connections that have ended, with bytes that their clients have not taken. */
interface Lingering {
  add(connection: Connection): void;
  /** Cuts off clients that do not read the end of their response: it would keep its bytes for ever. */
  endOverdue(): void;
}

function createLingering(clock: Clock): Lingering {
  const untilOf = new Map<Connection, number>();
  return {
    add(connection) {
      if (connection.pendingBytes > 0) untilOf.set(connection, clock.monotonic() + LINGER_MS);
    },
    endOverdue() {
      const now = clock.monotonic();
      for (const [connection, until] of untilOf) {
        if (connection.pendingBytes > 0 && now < until) continue;
        untilOf.delete(connection);
        if (connection.pendingBytes > 0) connection.destroy();
      }
    },
  };
}

/** A check that fails is a refusal: the client connects again, and gets the answer of the check then. */
async function recheck(connection: Connection): Promise<void> {
  const { tenantId, userId } = connection;
  let denied: readonly string[] = [];
  try {
    denied = await deniedTopics(connection);
    if (denied.length === 0) return;
  } catch (error) {
    authorizeFail.publish(() => ({ tenantId, userId, error }));
  }
  // One that is being admitted has no position and no client yet.
  const last = connection.wasAdmitted ? controlFrame("revoked", connection, { topics: denied }) : undefined;
  connection.end("revoked", last);
}

/** Connections of a tenant mostly have the same position, and then share a frame. */
function cachedHeartbeats(): (cursor: Cursor) => Frame {
  let last: Frame | undefined;
  return (cursor) => {
    if (last === undefined || last.position !== cursor.position || last.epoch !== cursor.epoch)
      last = controlFrame("heartbeat", cursor);
    return last;
  };
}
