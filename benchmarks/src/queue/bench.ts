import type { Line, SectionOptions } from "@scale/testkit";
import { cost } from "./cost.js";
import { shares } from "./shares.js";
import { wait } from "./wait.js";

/** How long does a quiet tenant wait while a noisy one has a backlog, which share does each get, and at which cost? */
export async function* queue({ smoke }: SectionOptions): AsyncIterable<Line> {
  yield* wait(smoke ? { noisy: 500, leadMs: 500 } : { noisy: 50_000, leadMs: 15_000 });
  yield* shares(smoke ? { jobs: 200, durationMs: 200 } : { jobs: 2000, durationMs: 5000 });
  yield* cost(smoke ? { rounds: 1, jobs: 200, tenants: 10 } : { rounds: 9, jobs: 20_000, tenants: 10 });
}
