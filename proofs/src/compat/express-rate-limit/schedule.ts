import { seededRandom } from "@scale/testkit";
import type { Behavior } from "../compare.js";
import type { Stage } from "./stage.js";

export const SEED = 20_261_130;

const MINUTE = 60_000;
const CALLS = 30;

/**
 * Random calls of a store, the same for every store. Windows begin with a hit of each client, so that those of
 * express-rate-limit begin when ours do.
 */
export const randomCalls = (windows: number): Behavior<Stage> => ({
  name: `${windows * CALLS} random calls`,
  async play(stage) {
    const random = seededRandom(SEED);
    const pick = (n: number): number => Math.floor(random() * n);
    const store = stage.store();
    void store.init({ windowMs: MINUTE } as Parameters<typeof store.init>[0]);
    const counts: (number | undefined)[] = [];
    for (let window = 0; window < windows; window++) {
      const known = new Set(["a", "b", "c"]);
      await store.resetAll();
      for (const key of known) await store.increment(key);
      for (let call = 0; call < CALLS; call++) {
        const key = "abc"[pick(3)] ?? "a";
        const kind = pick(10);
        if (kind < 5) {
          known.add(key);
          counts.push((await store.increment(key)).totalHits);
        } else if (kind < 7 && known.has(key)) await store.decrement(key);
        else if (kind === 7) {
          known.delete(key);
          await store.resetKey(key);
        } else counts.push((await store.get(key))?.totalHits);
        if (kind === 8 && pick(10) === 0) {
          known.clear();
          await store.resetAll();
        }
      }
      stage.advance(MINUTE);
    }
    return counts;
  },
});
