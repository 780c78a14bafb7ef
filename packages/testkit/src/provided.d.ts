import "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** The Redis of this run, or "" when the machine has none. */
    redisUrl: string;
    /** The primary of this run, or "" when the machine has no Postgres. */
    postgresUrl: string;
    /** A streaming replica of it, or "". */
    postgresReplicaUrl: string;
  }
}
