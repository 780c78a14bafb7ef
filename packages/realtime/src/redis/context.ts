import type { ScriptRunner } from "@scale/core/redis";

/** The settings of one opened store. */
export interface RedisHubContext {
  readonly runner: ScriptRunner;
  readonly sharded: boolean;
  readonly afterRestart: "reset" | "resume";
  /** Start of all keys of a tenant. */
  readonly prefixOf: (tenantId: string) => string;
  /** Key of the history of a tenant. */
  readonly historyKey: (tenantId: string) => string;
  /** Key of the events of a topic, and its channel. */
  readonly topicKey: (tenantId: string, topic: string) => string;
  /** Key of the newest position of a topic. */
  readonly tailKey: (tenantId: string, topic: string) => string;
  readonly presenceKey: (tenantId: string, topic: string) => string;
  readonly ttlMs: number;
  readonly keepMs: number;
  readonly events: number;
}
