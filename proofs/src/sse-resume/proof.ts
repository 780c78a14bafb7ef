import type { Line, SectionOptions } from "@scale/testkit";
import { drops, type Load } from "./drops.js";
import { eventSources } from "./event-sources.js";
import { throughNginx } from "./nginx.js";
import { redisKilled } from "./redis-killed.js";
import { trimmed } from "./trimmed.js";

/** Does a client get every event once, in order, or a reset: whatever it connects to, and whatever breaks? */
export async function* sseResume({ smoke }: SectionOptions): AsyncIterable<Line> {
  const load: Load = smoke
    ? { clients: 20, events: 300, perSecond: 300 }
    : { clients: 200, events: 3000, perSecond: 250 };
  yield* drops(load);
  yield* redisKilled(load);
  yield* trimmed({ ...load, events: 600, perSecond: 2000 });
  yield* throughNginx(smoke ? 5 : 50);
  yield* eventSources();
}
