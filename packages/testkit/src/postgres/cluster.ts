import { appendFile, chown, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { explainStart } from "../process/explain.js";
import { freePort } from "../process/free-port.js";
import { run } from "../process/run.js";
import { makeTempFolder, removeTempFolder } from "../process/watchdog.js";
import { withFreePort } from "../process/with-free-port.js";
import { settleAll } from "../settle.js";
import { waitUntil } from "../wait.js";
import { type Surroundings, surroundings } from "./account.js";
import { type ClusterControls, clusterControls } from "./cluster-controls.js";
import { confLines, type Settings } from "./conf.js";
import { requirePostgres } from "./find.js";
import { type ManagedNode, type PostgresNode, postgresNode, streaming, upstream } from "./node.js";
import { dataParent } from "./place.js";
import { initData, stage, type Stage } from "./stage.js";

export interface PostgresOptions {
  /** Streaming replicas. @default 0 */
  replicas?: number;
  /** Made when it is not there. @default "postgres" */
  database?: string;
  /** Lines of postgresql.conf for every node; they win over ours. */
  settings?: Readonly<Record<string, string | number | boolean>>;
  /** The primary's; replicas take free ones. @default a free one */
  port?: number;
  /** The folder of `postgres` and `initdb`. @default that of `findPostgres()` */
  bin?: string;
  /** Runs `initdb` anew, for a system identifier of its own: clusters otherwise share one. Costs half a second. @default false */
  fresh?: boolean;
}

export interface PostgresCluster extends ClusterControls {
  readonly version: string;
  /** The url of the primary that this cluster started with. */
  readonly url: string;
  readonly primary: PostgresNode;
  readonly replicas: readonly PostgresNode[];
  /** The primary, then the replicas. */
  readonly nodes: readonly PostgresNode[];
  /** Ends every node and removes their data. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a Postgres primary with streaming replicas on loopback. None of it outlives this process.
 * Ready means that every node answers and every replica streams.
 * @throws {ServerError} with one line that says what is missing
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresCluster> {
  const { port } = options;
  const bin = options.bin ?? requirePostgres().bin;
  const around = surroundings();
  const { bin: staged, ...prepared } = await stage(bin, around).catch((error: unknown) => {
    throw explainStart(error, { what: "postgres", port: port ?? 0, folder: tmpdir() });
  });
  const plan = { ...options, ...prepared, bin: staged, around };
  return port === undefined ? withFreePort((free) => start({ ...plan, port: free })) : start({ ...plan, port });
}

/** Settings of which a replica needs at least what its primary has. */
const SHARED_LIMITS = [
  "max_connections",
  "max_worker_processes",
  "max_wal_senders",
  "max_prepared_transactions",
  "max_locks_per_transaction",
];

interface Plan extends PostgresOptions, Stage {
  bin: string;
  around: Surroundings;
  port: number;
}

async function start(plan: Plan): Promise<PostgresCluster> {
  const { replicas: count = 0, database = "postgres", bin, port, password, around } = plan;
  const folder = makeTempFolder("pg", dataParent());
  const names = ["primary", ...Array.from({ length: count }, (_, i) => `r${i + 1}`)];
  const nodes: ManagedNode[] = [];
  async function remove(): Promise<void> {
    await Promise.all(nodes.map((node) => node.abandon()));
    await removeTempFolder(folder);
  }
  try {
    if (around.uid !== undefined && around.gid !== undefined) await chown(folder, around.uid, around.gid);
    for (const name of names) {
      const own = name === "primary" ? port : await freePort();
      nodes.push(postgresNode({ name, database, bin, data: join(folder, name), port: own, password, around }));
    }
    await makeData(nodes, folder, plan).catch((error: unknown) => {
      throw explainStart(error, { what: "postgres", port, folder });
    });
    const [primary, ...replicas] = nodes as [ManagedNode, ...ManagedNode[]];
    await primary.start();
    await settleAll(replicas.map((replica) => replica.start()));
    await waitUntil(async () => (await streaming(primary)).length === count, { what: "every replica streams" });
    const cluster = clusterControls(nodes);
    if (database !== "postgres") await cluster.createDatabase(database);
    let stopped: Promise<void> | undefined;
    const version = /PostgreSQL (\S+)/.exec(primary.output())?.[1] ?? "?";
    return { version, url: primary.url, primary, replicas, nodes, ...cluster, stop: () => (stopped ??= remove()) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Each node starts from a copy of one clean data folder, which is a base backup to a replica. */
async function makeData(nodes: readonly ManagedNode[], folder: string, plan: Plan): Promise<void> {
  const { around, bin, password, settings = {}, fresh = false } = plan;
  const [primary, ...replicas] = nodes as [ManagedNode, ...ManagedNode[]];
  const dataOf = (node: PostgresNode): string => join(folder, node.name);
  const configure = (node: PostgresNode, own: Settings): Promise<void> =>
    appendFile(
      join(dataOf(node), "postgresql.conf"),
      confLines({ port: node.port, cluster_name: node.name, ...own }, settings),
    );

  const base = dataOf(primary);
  if (fresh) {
    await mkdir(base);
    await initData(bin, base, { around, password });
  } else {
    await copy(plan.template, base, around);
  }
  // A replica refuses to start with less of these than its backup was made with, which is what `initdb` assumed.
  if (replicas.length > 0 && SHARED_LIMITS.some((name) => name in settings)) {
    await configure(primary, {});
    await primary.start();
    await primary.shutDown();
  }
  await settleAll(
    replicas.map(async (replica) => {
      await copy(base, dataOf(replica), around);
      await configure(replica, { primary_conninfo: upstream(primary, replica.name) });
      await run("touch", [join(dataOf(replica), "standby.signal")], { ...around, cwd: folder });
    }),
  );
  await configure(primary, {});
}

async function copy(from: string, to: string, around: Surroundings): Promise<void> {
  await run("cp", ["-Rp", from, to], { ...around, cwd: dirname(to) });
}
