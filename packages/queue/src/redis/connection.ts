import { StoreError } from "@scale/core";
import type { IoredisLike } from "@scale/core/redis";

/** Options that we set on the connections that we open. */
interface DuplicateOptions {
  readonly maxRetriesPerRequest: number;
  readonly autoResendUnfulfilledCommands: boolean;
  readonly lazyConnect: boolean;
  readonly connectionName: string;
  readonly retryStrategy: (attempt: number) => number;
}

/** The part of an ioredis 5 or 6 connection that the store uses: a server, Sentinel or Cluster. */
export interface IoredisConnection extends IoredisLike {
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  bzpopmin(key: string, timeoutSeconds: number): Promise<readonly string[] | null>;
  on(event: "error" | "ready" | "close", listener: (error: Error) => void): unknown;
}

/** The application's ioredis client. The store opens connections like it, and neither uses nor closes the client itself. */
export interface IoredisClient {
  readonly isCluster: boolean;
  duplicate(...options: never[]): unknown;
}

/** True for an ioredis client or Cluster. */
export function isIoredisClient(value: unknown): value is IoredisClient {
  if (typeof value !== "object" || value === null || !("duplicate" in value) || !("evalsha" in value)) return false;
  return typeof value.duplicate === "function" && "isCluster" in value && typeof value.isCluster === "boolean";
}

/**
 * Opens a connection like the client's. It sends no command twice, and reconnects within a second of the server's return.
 */
export function openConnection(client: IoredisClient, name: string): IoredisConnection {
  const options: DuplicateOptions = {
    ...{ maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, lazyConnect: true },
    ...{ connectionName: name, retryStrategy: (attempt) => Math.min(50 * attempt, 1000) },
  };
  const connection = client.isCluster ? duplicateCluster(client, options) : duplicateNode(client, options);
  // Without a listener ioredis writes to the console. Calls report the failures.
  connection.on("error", () => undefined);
  connection.connect().catch(() => undefined);
  return connection;
}

type Duplicate = (...args: readonly unknown[]) => unknown;

function duplicateNode(client: IoredisClient, options: DuplicateOptions): IoredisConnection {
  const duplicate = client.duplicate as Duplicate;
  return checked(duplicate.call(client, options));
}

/** A Cluster takes the options of its nodes apart, and repeats what a closed connection rejected unless told otherwise. */
function duplicateCluster(client: IoredisClient, options: DuplicateOptions): IoredisConnection {
  const own = "options" in client ? (client.options as { readonly redisOptions?: object }) : {};
  const { maxRetriesPerRequest, autoResendUnfulfilledCommands, connectionName } = options;
  const duplicate = client.duplicate as Duplicate;
  return checked(
    duplicate.call(client, undefined, {
      ...own,
      ...{ lazyConnect: true, retryDelayOnFailover: 0, clusterRetryStrategy: options.retryStrategy },
      redisOptions: { ...own.redisOptions, maxRetriesPerRequest, autoResendUnfulfilledCommands, connectionName },
    }),
  );
}

function checked(connection: unknown): IoredisConnection {
  if (!isIoredisClient(connection))
    throw new StoreError("expected a connection from duplicate() of the ioredis client");
  return connection as IoredisClient & IoredisConnection;
}

/** A connection like the client's for BullMQ's own classes. Its user disconnects it. */
export function duplicateFor(
  client: IoredisClient,
  options: { readonly maxRetriesPerRequest: number | null },
): BullmqConnection {
  const connection = (client.duplicate as Duplicate).call(client, options);
  if (!isIoredisClient(connection))
    throw new StoreError("expected a connection from duplicate() of the ioredis client");
  return connection as IoredisClient & BullmqConnection;
}

export interface BullmqConnection {
  disconnect(): void;
}
