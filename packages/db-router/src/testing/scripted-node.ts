import { EventEmitter } from "node:events";
import { formatLsn, type Lsn } from "../postgres/lsn.js";
import type { DbNode, PoolLike, RowsLike } from "../types.js";

/** What a scripted server says of itself, and how it fails. Change it as the test goes on. */
export interface ServerScript {
  isStandby: boolean;
  lsn: Lsn;
  timeline: number;
  systemId: string;
  version: number;
  /** Every statement and probe rejects with it. */
  error: unknown;
  /** Probes alone reject with it: a server that answers on old connections only. */
  probeError: unknown;
  /** What a statement that is not about the status answers. */
  answer: (sql: string) => RowsLike | Promise<RowsLike>;
}

export interface ScriptedNode extends DbNode {
  readonly script: ServerScript;
  /** Statements that came, probes included. */
  readonly asked: { readonly status: string[]; readonly probes: string[]; readonly statements: string[] };
  readonly events: EventEmitter;
  isEnded(): boolean;
}

/** A node without a server, for failures that no server makes on demand. It is a standby unless told otherwise. */
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
  const asked = { status: [] as string[], probes: [] as string[], statements: [] as string[] };
  const events = new EventEmitter();
  let ended = false;

  async function query(sql: string): Promise<RowsLike> {
    const isStatus = sql.includes("pg_is_in_recovery");
    asked[isStatus ? "status" : "statements"].push(sql);
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
      asked.probes.push(sql);
      if (script.probeError !== undefined) throw script.probeError;
      return query(sql);
    },
    script,
    asked,
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
