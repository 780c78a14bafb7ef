import { waitUntil } from "../wait.js";
import { literal, query } from "./connect.js";
import { type PostgresServer, type PostgresServerPlan, postgresServer } from "./server.js";

export interface PostgresNode {
  /** `primary`, `r1`, `r2` …; a replica's `application_name` on its primary. A promotion does not change it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Url of the cluster's database on this node, with the password. */
  readonly url: string;
  /** `undefined` while the server is down. */
  readonly pid: number | undefined;
  /** Output of the current or last process. */
  output(): string;
  /** The same server, another database. */
  urlOf(database: string): string;
  /** Runs one statement over a connection of its own. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Replica: goes on receiving but applies nothing; resolves when replay has stopped. */
  pauseReplay(): Promise<void>;
  resumeReplay(): Promise<void>;
  /** Replica: applies each commit this much after its time on the primary; 0 ends it. */
  setApplyDelay(ms: number): Promise<void>;
  /** Replica: ends recovery and takes writes; resolves when it does. */
  promote(): Promise<void>;
  /** Replica: follows another node; resolves when it streams from there. */
  repoint(to: PostgresNode): Promise<void>;
  /** Freezes the server and all its backends (SIGSTOP): open connections hang, new ones get no answer. */
  pause(): void;
  resume(): void;
  /** SIGKILL for the server and all its backends; what was committed stays. */
  kill(): Promise<void>;
  /** Starts a server that is down, on the same port and data. */
  start(): Promise<void>;
  /** An orderly end if it runs, then `start`. */
  restart(): Promise<void>;
}

/** Operations on a node that only its cluster uses. */
export interface ManagedNode extends PostgresNode {
  /** In order, with everything on disk. */
  shutDown(): Promise<void>;
  /** At once; the data is of no more use. */
  abandon(): Promise<void>;
}

export interface PostgresNodePlan extends Omit<PostgresServerPlan, "url"> {
  name: string;
  database: string;
  password: string;
}

export function postgresNode(plan: PostgresNodePlan): ManagedNode {
  const { name, port, database, password } = plan;
  const urlOf = (other: string): string =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(other)}`;
  // That one is there from the start, before the cluster's own is made.
  const admin = urlOf("postgres");
  const server = postgresServer({ ...plan, url: admin });
  return {
    name,
    host: "127.0.0.1",
    port,
    url: urlOf(database),
    get pid() {
      return server.pid;
    },
    output: server.output,
    urlOf,
    query: (text, values) => query(urlOf(database), text, values),
    ...replayControls(name, admin),
    ...processControls(server),
    shutDown: () => server.end("SIGINT"),
    abandon: () => server.end("SIGQUIT"),
  };
}

function processControls(
  server: PostgresServer,
): Pick<PostgresNode, "pause" | "resume" | "kill" | "start" | "restart"> {
  return {
    pause: server.pause,
    resume: server.resume,
    kill: server.kill,
    start: server.start,
    restart: async () => {
      await server.end("SIGINT");
      await server.start();
    },
  };
}

function replayControls(
  name: string,
  url: string,
): Pick<PostgresNode, "pauseReplay" | "resumeReplay" | "setApplyDelay" | "promote" | "repoint"> {
  const holds = async (condition: string): Promise<boolean> => {
    const [row] = await query(url, `SELECT ${condition} AS holds`);
    return row?.["holds"] === true;
  };
  /** A reload is asked for, not done, when the statement returns. */
  async function set(setting: string, value: string): Promise<void> {
    await query(url, `ALTER SYSTEM SET ${setting} = ${literal(value)}`);
    await query(url, "SELECT pg_reload_conf()");
    const current = `(SELECT setting FROM pg_settings WHERE name = ${literal(setting)})`;
    await waitUntil(() => holds(`${current} = ${literal(value)}`), { what: `${setting} on ${name}` });
  }
  return {
    pauseReplay: async () => {
      await query(url, "SELECT pg_wal_replay_pause()");
      await waitUntil(() => holds("pg_get_wal_replay_pause_state() = 'paused'"), {
        what: `replay on ${name} is paused`,
      });
    },
    resumeReplay: async () => {
      await query(url, "SELECT pg_wal_replay_resume()");
    },
    setApplyDelay: (ms) => set("recovery_min_apply_delay", `${ms}`),
    promote: async () => {
      await query(url, "SELECT pg_promote(true, 30)");
      await waitUntil(() => holds("NOT pg_is_in_recovery()"), { what: `${name} takes writes` });
    },
    repoint: async (to) => {
      await set("primary_conninfo", upstream(to, name));
      await waitUntil(() => isStreaming(to, name), { what: `${name} streams from ${to.name}` });
    },
  };
}

/** The setting by which the replica `name` finds its primary. */
export function upstream({ host, port, url }: Pick<PostgresNode, "host" | "port" | "url">, name: string): string {
  return `host=${host} port=${port} user=postgres password=${new URL(url).password} application_name=${name}`;
}

async function isStreaming(from: PostgresNode, name: string): Promise<boolean> {
  return (await streaming(from)).includes(name);
}

/** The names of the replicas that stream from a node. */
export async function streaming(from: PostgresNode): Promise<string[]> {
  const rows = await query(
    from.urlOf("postgres"),
    "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'",
  );
  return rows.map((row) => String(row["application_name"]));
}
