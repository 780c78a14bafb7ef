import type { Line, SectionOptions } from "@scale/testkit";
import { crashes } from "./usage-crashes.js";
import { loss } from "./usage-loss.js";
import { periods } from "./usage-periods.js";
import { race } from "./usage-race.js";
import { startUsage } from "./usage-servers.js";

/** Do several processes count usage exactly, through their crashes and the loss of Redis' data? */
export async function* usage(options: SectionOptions): AsyncIterable<Line> {
  const servers = await startUsage();
  try {
    yield* race(servers, options);
    yield* crashes(servers);
    yield* loss(servers, options);
  } finally {
    await servers.stop();
  }
  yield* periods(options);
}
