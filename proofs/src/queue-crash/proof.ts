import type { Line, SectionOptions } from "@scale/testkit";
import { cancelled } from "./cancelled.js";
import { capped } from "./capped.js";
import { hanging } from "./hanging.js";
import { redisKilled } from "./redis-killed.js";
import { databaseRecreated, relayKilled } from "./relay-killed.js";
import { startStage } from "./stage.js";
import { workerKilled } from "./worker-killed.js";

/** Does every job run, and its outcome stay one, while workers, Redis and relays are killed? */
export async function* queueCrash({ smoke }: SectionOptions): AsyncIterable<Line> {
  const stage = await startStage();
  try {
    yield* relayKilled(stage, smoke ? 6 : 1);
    yield* databaseRecreated(stage, smoke ? 50 : 1000);
    yield* redisKilled(stage, smoke ? 1 : 3);
    for (const store of ["redis", "postgres"] as const) {
      yield* workerKilled(stage, store, smoke ? 1 : 3);
      yield* capped(stage, store, smoke ? 15 : 100);
      yield* cancelled(stage, store, smoke ? 20 : 200);
      yield* hanging(stage, store, smoke ? 1 : 3);
    }
  } finally {
    await stage.stop();
  }
}
