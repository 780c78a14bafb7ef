import { EventEmitter } from "node:events";
import { formatLsn, type Lsn } from "../src/postgres/lsn.js";
import type { DbNode, PoolLike, RowsLike } from "../src/types.js";

/** Status and failures of a scripted server. A test changes it while it runs. */
export interface ServerScript {
  isStandby: boolean;
  lsn: Lsn;
  timeline: number;
  systemId: string;
  version: number;
  /** Error of every statement and probe. */
  error: unknown;
  /** Error of probes only: a server that answers on old connections only. */
  probeError: unknown;
  /** Result of a statement that is not the status query. */
  answer: (sql: string) => RowsLike | Promise<RowsLike>;
}

export interface ScriptedNode extends DbNode {
  readonly script: ServerScript;
  /** Statements received, probes included. */
  readonly received: { readonly status: string[]; readonly probes: string[]; readonly statements: string[] };
  readonly events: EventEmitter;
  isEnded(): boolean;
}

/** A node without a server, for failures that a real server cannot produce on demand. A standby by default. */
export function scriptedNode(
  name: string,
  init: Partial<ServerScript> & Partial<Pick<DbNode, "weight" | "zone" | "isOwned">> = {},
): ScriptedNode {
  const { weight, zone, isOwned = true, ...own } = init;
  const script: ServerScript = {
    isStandby: true,
    lsn: 1000,
    timeline: 1,
    systemId: "7",
    version: 180_004,
    error: undefined,
    probeError: undefined,
    answer: () => ({ rows: [] }),
    ...own,
  };
  const received = { status: [] as string[], probes: [] as string[], statements: [] as string[] };
  const events = new EventEmitter();
  let ended = false;

  async function query(sql: string): Promise<RowsLike> {
    const isStatus = sql.includes("pg_is_in_recovery");
    received[isStatus ? "status" : "statements"].push(sql);
    if (script.error !== undefined) throw script.error;
    return isStatus ? statusRow(script) : script.answer(sql);
  }

  const pool: PoolLike = {
    totalCount: 1,
    idleCount: 1,
    waitingCount: 0,
    query,
    connect: async () => ({ query, release: () => undefined }),
    end: async () => {
      ended = true;
    },
    on: (event, listener) => events.on(event, listener),
    off: (event, listener) => events.off(event, listener),
  };
  return {
    name,
    pool,
    isOwned,
    ...(weight !== undefined && { weight }),
    ...(zone !== undefined && { zone }),
    async probe(sql) {
      received.probes.push(sql);
      if (script.probeError !== undefined) throw script.probeError;
      return query(sql);
    },
    script,
    received,
    events,
    isEnded: () => ended,
  };
}

function statusRow({ isStandby, lsn, timeline, systemId, version }: ServerScript): RowsLike {
  return {
    rows: [
      {
        standby: String(isStandby),
        lsn: formatLsn(lsn),
        timeline: String(timeline),
        system_id: systemId,
        version: String(version),
        segment_bytes: "16777216",
        page_bytes: "8192",
      },
    ],
  };
}
