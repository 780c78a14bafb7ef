import { freePort } from "@scale/testkit";
import type { FaultStage } from "./fault-stage.js";

/** A fault of Redis, and its end. */
export interface Fault {
  readonly name: string;
  /** True when the store answers every decision in spite of the fault. */
  readonly isHarmless?: boolean;
  /** True when the counts are gone. */
  readonly losesData?: boolean;
  /** Resolves when the fault is in effect. */
  begin(stage: FaultStage): Promise<void>;
  /** Resolves when Redis could answer again. */
  end(stage: FaultStage): Promise<void>;
}

/** A fault that repeats one act as long as it lasts. */
function repeated(
  name: string,
  { again, ...rest }: Pick<Fault, "isHarmless" | "losesData"> & { again(stage: FaultStage): Promise<unknown> },
): Fault {
  let goesOn: Promise<void> | undefined;
  const state = { ended: false };
  return {
    name,
    ...rest,
    async begin(stage) {
      state.ended = false;
      goesOn = (async () => {
        while (!state.ended) {
          await again(stage);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
    },
    async end() {
      state.ended = true;
      await goesOn;
    },
  };
}

export const FAULTS: readonly Fault[] = [
  { name: "SIGSTOP", begin: async ({ server }) => server.pause(), end: async ({ server }) => server.resume() },
  { name: "kill -9", losesData: true, begin: ({ server }) => server.kill(), end: ({ server }) => server.restart() },
  { name: "restart", losesData: true, begin: ({ server }) => server.restart(), end: async () => undefined },
  {
    name: "OOM",
    begin: ({ admin }) => admin(async (redis) => void (await redis.config("SET", "maxmemory", "1"))),
    end: ({ admin }) => admin(async (redis) => void (await redis.config("SET", "maxmemory", "0"))),
  },
  {
    name: "READONLY",
    begin: ({ admin }) => admin(async (redis) => void (await redis.replicaof("127.0.0.1", await freePort()))),
    end: ({ admin }) => admin(async (redis) => void (await redis.replicaof("NO", "ONE"))),
  },
  { name: "black hole", begin: async ({ proxy }) => proxy.blackHole(), end: ({ proxy }) => proxy.up() },
  { name: "stalled network", begin: async ({ proxy }) => proxy.stall(), end: async ({ proxy }) => proxy.unstall() },
  { name: "connection refused", begin: ({ proxy }) => proxy.down(), end: ({ proxy }) => proxy.up() },
  {
    name: "answers after the deadline",
    begin: async ({ proxy }) => void (proxy.latencyMs = 60),
    end: async ({ proxy }) => void (proxy.latencyMs = 0),
  },
  repeated("CLIENT KILL", {
    again: ({ admin }) => admin((redis) => redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
  }),
  repeated("SCRIPT FLUSH", { isHarmless: true, again: ({ admin }) => admin((redis) => redis.script("FLUSH")) }),
  repeated("FLUSHALL", { isHarmless: true, losesData: true, again: ({ admin }) => admin((redis) => redis.flushall()) }),
];
