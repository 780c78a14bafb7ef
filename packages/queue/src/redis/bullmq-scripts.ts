import { EventEmitter } from "node:events";
import { StoreError } from "@scale/core";
import { createIORedisClient, RedisConnection } from "bullmq";

/** One script of BullMQ. */
export interface BullmqScript {
  readonly lua: string;
  readonly numberOfKeys: number;
}

/** BullMQ's own scripts, by the name of their command. */
export type BullmqScripts = ReadonlyMap<string, BullmqScript>;

let reading: Promise<BullmqScripts> | undefined;

/**
 * Reads the scripts of the installed BullMQ. It defines them as commands of any client that it is given: this one has no
 * server and writes them down.
 */
export function readBullmqScripts(): Promise<BullmqScripts> {
  reading ??= read();
  return reading;
}

async function read(): Promise<BullmqScripts> {
  const scripts = new Map<string, BullmqScript>();
  const offline = (): never => {
    throw new StoreError("expected only definitions of commands, got a command");
  };
  const commands = { hset: offline, hscan: offline, sscan: offline };
  const recorder = Object.assign(new EventEmitter(), {
    ...{ status: "ready", options: {}, isCluster: false },
    ...{ connect: async () => undefined, disconnect: () => undefined, duplicate: offline },
    ...{ pipeline: () => commands, multi: () => commands },
    defineCommand(name: string, script: BullmqScript) {
      scripts.set(name.slice(0, name.lastIndexOf(":")), script);
    },
  });
  const connection = new RedisConnection(createIORedisClient(recorder), { shared: true, skipVersionCheck: true });
  await connection.client;
  await connection.close();
  return scripts;
}
