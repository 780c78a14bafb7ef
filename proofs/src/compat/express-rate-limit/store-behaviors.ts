import type { Behavior, Transcript } from "../compare.js";
import type { Stage } from "./stage.js";

const MINUTE = 60_000;

type Store = ReturnType<Stage["store"]>;

/** The behavior of a store whose windows last a minute. */
const onStore = (name: string, play: (store: Store, stage: Stage) => Promise<Transcript>): Behavior<Stage> => ({
  name,
  play: (stage) => play(initialized(stage), stage),
});

function initialized(stage: Stage, name?: string, windowMs = MINUTE): Store {
  const store = stage.store(name);
  void store.init({ windowMs } as Parameters<Store["init"]>[0]);
  return store;
}

/** A copy: a store may go on writing to the object that it returned. */
async function seen(found: unknown): Promise<unknown> {
  return structuredClone(await found);
}

/** The code or name of the error, or the result. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return structuredClone(await call());
  } catch (error) {
    return error instanceof Error ? ((error as { code?: string }).code ?? error.name) : error;
  }
}

const alike: Behavior<Stage>[] = [
  onStore("counts hits of a client, and tells the end of its window", async (store) => [
    await seen(store.get("a")),
    await seen(store.increment("a")),
    await seen(store.increment("a")),
    await seen(store.get("a")),
    await seen(store.get("b")),
  ]),
  onStore("starts again in the next window", async (store, stage) => {
    await store.increment("a");
    stage.advance(MINUTE - 1);
    const last = await seen(store.increment("a"));
    stage.advance(1);
    return [last, await seen(store.increment("a"))];
  }),
  onStore("tells no count of a window that has ended", async (store, stage) => {
    await store.increment("a");
    stage.advance(MINUTE);
    return [await seen(store.get("a"))];
  }),
  onStore("takes a hit back, and never below 0", async (store) => {
    for (let i = 0; i < 3; i++) await store.increment("a");
    const all = [];
    for (let i = 0; i < 5; i++) {
      await store.decrement("a");
      all.push(await seen(store.get("a")));
    }
    return [...all, await seen(store.increment("a"))];
  }),
  onStore("knows a client whose hits were all taken back", async (store) => {
    for (let i = 0; i < 3; i++) {
      await store.increment("a");
      await store.decrement("a");
    }
    return [await seen(store.get("a")), await seen(store.get("b"))];
  }),
  onStore("forgets one client", async (store) => {
    for (const key of ["a", "a", "b"]) await store.increment(key);
    await store.resetKey("a");
    await store.resetKey("never came");
    return [await seen(store.get("a")), await seen(store.get("b")), await seen(store.increment("a"))];
  }),
  onStore("forgets all clients", async (store) => {
    for (const key of ["a", "a", "b"]) await store.increment(key);
    await store.resetAll();
    const after = [await seen(store.get("a")), await seen(store.increment("b")), await seen(store.increment("b"))];
    await store.resetAll();
    return [...after, await seen(store.get("b"))];
  }),
  onStore("keeps counts when it is initialized again", async (store) => {
    await store.increment("a");
    void store.init({ windowMs: MINUTE } as Parameters<Store["init"]>[0]);
    return [await seen(store.increment("a"))];
  }),
  {
    name: "forgets a client before it is initialized",
    play: async (stage) => [await outcome(() => stage.store().resetKey("a"))],
  },
  {
    name: "answers getKey and resetKey of the middleware",
    async play(stage) {
      const limiter = stage.limit({ limit: 2, keyGenerator: () => "client" });
      const before = await seen(limiter.getKey("client"));
      await stage.status();
      await stage.status();
      const counted = await seen(limiter.getKey("client"));
      limiter.resetKey("client");
      // The middleware does not wait for it.
      while ((await limiter.getKey("client")) !== undefined) await new Promise((resolve) => setImmediate(resolve));
      return [before, counted, await seen(limiter.getKey("client")), await stage.status()];
    },
  },
];

const different: Behavior<Stage>[] = [
  {
    ...onStore("begins a window with the first hit of a client", async (store, stage) => {
      stage.advance(20_000);
      return [await seen(store.increment("a"))];
    }),
    differs: "windows begin at multiples of their length, alike in every process",
  },
  {
    ...onStore("begins a window of its own for each client", async (store, stage) => {
      await store.increment("a");
      stage.advance(30_000);
      await store.increment("b");
      stage.advance(30_000);
      return [await seen(store.increment("a")), await seen(store.increment("b"))];
    }),
    differs: "windows begin at multiples of their length, alike in every process",
  },
  {
    ...onStore("begins a window with the first hit after a reset", async (store, stage) => {
      await store.increment("a");
      stage.advance(30_000);
      await store.resetKey("a");
      return [await seen(store.increment("a"))];
    }),
    differs: "windows begin at multiples of their length, alike in every process",
  },
  {
    ...onStore("knows a client of which a hit was taken back before it came", async (store) => {
      await store.decrement("a");
      return [await seen(store.get("a"))];
    }),
    differs: "to take back a hit that was not counted writes nothing",
  },
  {
    name: "counts apart in two stores of one name",
    async play(stage) {
      const [one, other] = [initialized(stage), initialized(stage)];
      await one.increment("a");
      return [await seen(other.get("a"))];
    },
    differs: "stores of one name share their counts, in one process as in several",
  },
  {
    ...onStore("forgets all clients when it is shut down", async (store) => {
      await store.increment("a");
      await store.shutdown();
      return [await seen(store.get("a"))];
    }),
    differs: "the counts belong to all processes, and stay when one ends",
  },
  {
    name: "counts without a window before it is initialized",
    async play(stage) {
      const store = stage.store();
      return [await outcome(() => store.increment("a"))];
    },
    differs: "a window of a minute, the default of the library: without one a count would never end",
  },
  {
    name: "takes a window of any length",
    async play(stage) {
      return [await outcome(() => initialized(stage, "store", -1).increment("a").valueOf())];
    },
    differs: "a window of 1 ms to 400 days, or a RangeError that names it",
  },
];

export const storeBehaviors: readonly Behavior<Stage>[] = [...alike, ...different];
