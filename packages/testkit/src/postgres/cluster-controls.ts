import { ServerError } from "../server-error.js";
import { waitUntil } from "../wait.js";
import { query } from "./connect.js";
import { createDatabase } from "./database.js";
import type { PostgresNode } from "./node.js";

/** Operations on a running cluster as a whole. */
export interface ClusterControls {
  /**
   * Makes an empty database through the node that takes writes, and waits like `caughtUp` until its replicas have it.
   * @returns its url on that node; `node.urlOf(name)` is its url elsewhere
   */
  createDatabase(name: string): Promise<string>;
  /**
   * Resolves when every running replica of a node that takes writes, also one behind another replica, has replayed what that
   * node has written so far.
   * @throws {ServerError} after ten seconds, when a replica is frozen, paused or lags for so long
   */
  caughtUp(): Promise<void>;
}

/** The role of a running node, by its own account. */
interface Role {
  node: PostgresNode;
  isStandby: boolean;
  /** The port of the node that it follows, if it is a standby. */
  follows: number;
}

export function clusterControls(nodes: readonly PostgresNode[]): ClusterControls {
  async function caughtUp(): Promise<void> {
    const roles = await rolesOf(nodes);
    const writers = roles.filter((role) => !role.isStandby);
    await Promise.all(writers.map(({ node }) => followersReach(node, roles)));
  }
  return {
    caughtUp,
    createDatabase: async (name) => {
      const writer = (await rolesOf(nodes)).find((role) => !role.isStandby);
      if (!writer) throw new ServerError("no node takes writes");
      const url = await createDatabase(writer.node.urlOf("postgres"), name);
      await caughtUp();
      return url;
    },
  };
}

/** Asks the nodes: promotions and changes of primary may have been made in SQL. */
async function rolesOf(nodes: readonly PostgresNode[]): Promise<Role[]> {
  const running = nodes.filter((node) => node.pid !== undefined);
  return Promise.all(
    running.map(async (node) => {
      const ask = "SELECT pg_is_in_recovery() AS standby, current_setting('primary_conninfo') AS upstream";
      const [row] = await query(node.urlOf("postgres"), ask);
      const [, port] = /\bport=(\d+)/.exec(String(row?.["upstream"])) ?? [];
      return { node, isStandby: row?.["standby"] === true, follows: Number(port) };
    }),
  );
}

/**
 * The position is that of a record written for this purpose: the current end of the log may lie behind a page header that
 * no replica reports before something follows it.
 */
async function followersReach(writer: PostgresNode, roles: readonly Role[]): Promise<void> {
  const mark = "SELECT pg_logical_emit_message(true, 'testkit', '')::text AS lsn";
  const [row] = await query(writer.urlOf("postgres"), mark);
  const reached = async (node: PostgresNode): Promise<boolean> => {
    const ask = "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached";
    const [answer] = await query(node.urlOf("postgres"), ask, [row?.["lsn"]]);
    return answer?.["reached"] === true;
  };
  await Promise.all(
    followersOf(writer, roles).map(({ node }) =>
      waitUntil(() => reached(node), { what: `${node.name} has replayed what ${writer.name} wrote` }),
    ),
  );
}

/** The direct and cascaded standbys of a node, whether they stream already or are about to. */
function followersOf({ port }: PostgresNode, roles: readonly Role[]): Role[] {
  const direct = roles.filter((role) => role.isStandby && role.follows === port);
  return direct.flatMap((role) => [role, ...followersOf(role.node, roles)]);
}
